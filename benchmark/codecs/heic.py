"""HEIC, by libheif and x265 through `pillow-heif`."""

from benchmark.codecs.block_surrogate import block_surrogate
from benchmark.codecs.pillow import PillowCodec, chroma_subsampled, whole
from benchmark.codecs.plugins import plugin
from benchmark.codecs.rate_surrogate import block_bits
from benchmark.codecs.shrinkage import Fitted
from benchmark.tensors import Images, PerImage

ONE_THREAD = {"x265:pools": "none", "x265:frame-threads": "1"}
"""Without this x265 works in threads, and with another number of them writes another stream."""


class Heic(PillowCodec, Fitted):
    """HEIC (ISO/IEC 23008-12): HEVC intra coding by x265."""

    format = "HEIF"

    def __init__(self, quality: int, *, subsampling: str = "4:2:0") -> None:
        """`quality` from 0 to 100, `subsampling` 4:2:0 or 4:4:4."""
        heif = plugin("pillow_heif", "heif")
        super().__init__()
        heif.register_heif_opener(decode_threads=1)
        self.subsampled = chroma_subsampled("HEIC", subsampling)
        self.options = {
            "quality": whole("HEIC quality", quality, 0, 100),
            "enc_params": ONE_THREAD | {"chroma": subsampling.replace(":", "")},
        }

    def stand_in(self, x: Images, strength: float) -> Images:
        """Blocks, subsampled as the codec is."""
        return block_surrogate(x, strength, subsampled=self.subsampled)

    def rate_surrogate(self, x: Images) -> PerImage:
        """Blocks, as the picture's."""
        return block_bits(x, self.strength, subsampled=self.subsampled)
