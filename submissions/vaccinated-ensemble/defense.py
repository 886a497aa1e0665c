"""Copies of a classifier retrained on JPEG, voting (Das et al. 2017, arXiv 1705.02900)."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.api import Classifier, ClassifierSpec, Images, Jpeg, Logits, load_classifier

FOLDER = Path(__file__).parent
SHA256 = {
    20: "b215b3a0539ecb239230680e791f7301a6270a652752cc00d4308e1c493ecd9c",
    40: "94f95d85a503e6bb2d9c9222f816595c5b2f2edecea85b891e511f050256177c",
    60: "acd366607053dc2fd0b079f3ed7d9af7fc59303fc901f473c8f25a0583ecb3af",
    80: "25d1395b5e2fd9266fd1ce5040d59188fc3484fb619af7696aa1f76fc3470240",
}
"""The weights by JPEG quality. Made here by

    python -m benchmark.classifiers.vaccinate --architecture mini-resnet --half --out FOLDER

from the bundled mini-resnet (CPU, one thread). See `vaccination.jsonl` for what they learned.
"""


class VaccinatedEnsemble(Classifier):
    """One copy of mini-resnet for each JPEG quality; the class that most of them name wins.

    Each copy sees what it was retrained on: the picture as JPEG of its quality. Without
    `compressed` it sees the picture as it is.
    """

    def __init__(self, compressed: bool) -> None:
        """Read the copies."""
        super().__init__()
        self.codecs = [Jpeg(quality) if compressed else None for quality in SHA256]
        self.members = nn.ModuleList(_member(quality) for quality in SHA256)

    def forward(self, x: Images) -> Logits:
        """The votes for each class, and a part below 1 that decides between equal ones.

        It rises with the members' mean probability, on a scale on which small ones still differ.
        """
        seen = [x if codec is None else codec.forward(x) for codec in self.codecs]
        found = self._log_probabilities(seen)
        votes = functional.one_hot(found.argmax(2), found.shape[2]).sum(0)
        mean = torch.logsumexp(found, 0) - torch.tensor(float(len(found))).log()
        return votes + 1 / (1 - mean)

    def surrogate(self, x: Images) -> Logits:
        """The members' mean log-probabilities, behind differentiable JPEG."""
        seen = [x if codec is None else codec.surrogate(x) for codec in self.codecs]
        return self._log_probabilities(seen).mean(0)

    def _log_probabilities(self, seen: list[Images]) -> Tensor:
        """Of each member (m, n, k)."""
        pairs = zip(self.members, seen, strict=True)
        return torch.stack([functional.log_softmax(member(x), 1) for member, x in pairs])


def _member(quality: int) -> nn.Module:
    spec = ClassifierSpec(
        name=f"q{quality}",
        source="bundled",
        architecture="mini-resnet",
        weights=f"q{quality}.safetensors",
        sha256=SHA256[quality],
    )
    return load_classifier(spec, [FOLDER]).model
