"""JPEG XL, lossy and lossless, by libjxl through `pillow-jxl-plugin`."""

from benchmark.codecs.block_surrogate import block_surrogate
from benchmark.codecs.pillow import PillowCodec, same_size, whole
from benchmark.codecs.plugins import plugin
from benchmark.codecs.rate_surrogate import block_bits, residual_bits
from benchmark.codecs.shrinkage import Fitted
from benchmark.tensors import Images, PerImage


class _JxlCodec(PillowCodec):
    format = "JXL"

    def __init__(self) -> None:
        module = plugin("pillow_jxl", "jxl")
        super().__init__()
        module.JpegXLImagePlugin.DECODE_THREADS = 0

    def inspect(self, stream: bytes, size: tuple[int, int]) -> None:
        """Compare sizes, for the plugin decodes the picture when it opens it."""
        same_size(jxl_size(stream), size, self.format)


class JpegXL(_JxlCodec, Fitted):
    """Lossy JPEG XL (ISO/IEC 18181) at effort 7."""

    def __init__(self, quality: int) -> None:
        """`quality` from 0 to 99; at 100 libjxl would be lossless."""
        super().__init__()
        self.options = {"quality": whole("JPEG XL quality", quality, 0, 99), "num_threads": 0}

    def stand_in(self, x: Images, strength: float) -> Images:
        """Blocks, 4:4:4."""
        return block_surrogate(x, strength, subsampled=False)

    def rate_surrogate(self, x: Images) -> PerImage:
        """Blocks, as the picture's."""
        return block_bits(x, self.strength, subsampled=False)


class JpegXLLossless(_JxlCodec):
    """Lossless JPEG XL (ISO/IEC 18181) at effort 7."""

    def __init__(self) -> None:
        """There is nothing to choose."""
        super().__init__()
        self.options = {"lossless": True, "num_threads": 0}

    def rate_surrogate(self, x: Images) -> PerImage:
        """Residuals of a prediction."""
        return residual_bits(x)


RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
LENGTHS = (9, 13, 18, 30)


def jxl_size(stream: bytes) -> tuple[int, int]:
    """Height and width that a bare JPEG XL codestream claims (ISO/IEC 18181-1, size header)."""
    if stream[:2] != b"\xff\x0a":
        raise ValueError("it has no JPEG XL codestream header")
    bits = _Bits(int.from_bytes(stream[2:14], "little"))
    in_eights = bits.take(1) == 1
    height = bits.side(in_eights)
    ratio = bits.take(3)
    if ratio == 0:
        return height, bits.side(in_eights)
    times, over = RATIOS[ratio]
    return height, height * times // over


class _Bits:
    """Bits from the least significant on."""

    def __init__(self, rest: int) -> None:
        self._rest = rest

    def take(self, count: int) -> int:
        taken = self._rest & (1 << count) - 1
        self._rest >>= count
        return taken

    def side(self, in_eights: bool) -> int:
        if in_eights:
            return 8 * (self.take(5) + 1)
        return self.take(LENGTHS[self.take(2)]) + 1
