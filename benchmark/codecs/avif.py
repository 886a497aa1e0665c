"""AVIF, by the libavif inside Pillow."""

from PIL import AvifImagePlugin

from benchmark.codecs.block_surrogate import block_surrogate
from benchmark.codecs.pillow import PillowCodec, built_in, chroma_subsampled, whole
from benchmark.codecs.rate_surrogate import block_bits
from benchmark.codecs.shrinkage import Fitted
from benchmark.tensors import Images, PerImage

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # of its decoder; the threads here take an image each


class Avif(PillowCodec, Fitted):
    """AVIF by libaom, speed 6, full-range YCbCr of 8 bits."""

    format = "AVIF"

    def __init__(self, quality: int, *, subsampling: str = "4:2:0") -> None:
        """`quality` from 0 to 100, `subsampling` 4:2:0 or 4:4:4."""
        super().__init__()
        built_in("avif")
        self.subsampled = chroma_subsampled("AVIF", subsampling)
        self.options = {
            "quality": whole("AVIF quality", quality, 0, 100),
            "subsampling": subsampling,
            "speed": 6,
            "codec": "aom",
            "max_threads": 1,  # more would cut large pictures into tiles and change the stream
        }

    def stand_in(self, x: Images, strength: float) -> Images:
        """Blocks, subsampled as the codec is."""
        return block_surrogate(x, strength, subsampled=self.subsampled)

    def rate_surrogate(self, x: Images) -> PerImage:
        """Blocks, as the picture's."""
        return block_bits(x, self.strength, subsampled=self.subsampled)
