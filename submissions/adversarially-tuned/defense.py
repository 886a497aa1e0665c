"""A bundled codec fine-tuned on attacked pictures (FGSM, Wong, Rice, Kolter 2020)."""

from pathlib import Path

from benchmark.api import CallError
from benchmark.api.learned import Rate, Retrained

FOLDER = Path(__file__).parent
SHA256 = {
    (
        "mini-mbt2018-mean",
        "medium",
    ): "43675046020bcadd81fc9b14224350dd03b34750f7b8b486d906fc2f98e98447",
}
"""The weights by codec and rate. Made here by

    python -m benchmark.codec_track.adversarial_training mini-mbt2018-mean medium \\
        --steps 240 --peak 2e-4 --out FOLDER

(CPU, one thread); the log beside them says what it bought.
"""


class AdversariallyTuned(Retrained):
    """The codec with weights that were trained on clean and attacked pictures alike."""

    def __init__(self, codec: str, rate: Rate) -> None:
        """`codec` at `rate`, of those that were fine-tuned here."""
        if (codec, str(rate)) not in SHA256:
            known = ", ".join(" ".join(pair) for pair in SHA256)
            raise CallError(f"{codec} {rate} was not fine-tuned here; expected one of {known}")
        path = FOLDER / f"{codec}-{rate}.safetensors"
        super().__init__(codec, rate, path, SHA256[codec, str(rate)])
