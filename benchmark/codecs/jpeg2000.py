"""JPEG 2000 at a rate, by the OpenJPEG inside Pillow."""

from benchmark.codecs.pillow import PillowCodec, built_in
from benchmark.codecs.rate_surrogate import wavelet_bits
from benchmark.codecs.shrinkage import Fitted
from benchmark.codecs.wavelet_surrogate import jpeg2000_surrogate
from benchmark.errors import CallError
from benchmark.tensors import Images, PerImage

DETAIL = 8.0
"""Grey levels at which a detail of the wavelet costs half a bit."""


class Jpeg2000(PillowCodec, Fitted):
    """JPEG 2000 (ITU-T T.800) by OpenJPEG: 9/7 wavelet, ICT, one layer, a bare codestream."""

    format = "JPEG2000"
    strengths = (5e-4, 0.5)

    def __init__(self, bits_per_pixel: float) -> None:
        """`bits_per_pixel` is the rate that the encoder aims at, headers included.

        It reaches it within some bytes, unless the headers alone (about 100 bytes) take more.
        """
        super().__init__()
        built_in("jpg_2000")
        if not 0.01 <= bits_per_pixel <= 24:
            raise CallError(f"JPEG 2000 at {bits_per_pixel} bits per pixel: expected 0.01 to 24")
        self.options = {
            "quality_mode": "rates",
            "quality_layers": [24 / bits_per_pixel],
            "irreversible": True,
            "mct": 1,
            "no_jp2": True,
            "comment": " ",  # else it names itself and its version, in 36 bytes
        }

    def stand_in(self, x: Images, strength: float) -> Images:
        """The 9/7 wavelet with a share of its details kept."""
        return jpeg2000_surrogate(x, strength)

    def rate_surrogate(self, x: Images) -> PerImage:
        """Details of the wavelet above what noise of a few grey levels is.

        The encoder keeps its rate whatever is coded, so no attack can raise it by more than some
        bytes; what is raised is what it has to leave out.
        """
        return wavelet_bits(x, DETAIL)
