"""WebP, lossy and lossless, by the libwebp inside Pillow."""

from benchmark.codecs.block_surrogate import block_surrogate
from benchmark.codecs.pillow import PillowCodec, built_in, same_size, whole
from benchmark.codecs.rate_surrogate import block_bits, residual_bits
from benchmark.codecs.shrinkage import Fitted
from benchmark.tensors import Images, PerImage


class WebP(PillowCodec, Fitted):
    """Lossy WebP (RFC 9649) by libwebp, method 4."""

    format = "WEBP"

    def __init__(self, quality: int) -> None:
        """`quality` from 0 to 100."""
        super().__init__()
        built_in("webp")
        self.options = {"quality": whole("WebP quality", quality, 0, 100), "method": 4}

    def inspect(self, stream: bytes, size: tuple[int, int]) -> None:
        """Compare sizes, for Pillow makes room for the picture when it opens it."""
        same_size(webp_size(stream), size, self.format)

    def stand_in(self, x: Images, strength: float) -> Images:
        """Blocks, 4:2:0."""
        return block_surrogate(x, strength, subsampled=True)

    def rate_surrogate(self, x: Images) -> PerImage:
        """Blocks, as the picture's."""
        return block_bits(x, self.strength, subsampled=True)


class WebPLossless(PillowCodec):
    """Lossless WebP (RFC 9649) by libwebp, method 4."""

    format = "WEBP"

    def __init__(self) -> None:
        """There is nothing to choose."""
        super().__init__()
        built_in("webp")
        self.options = {"lossless": True, "quality": 80, "method": 4}

    def rate_surrogate(self, x: Images) -> PerImage:
        """Residuals of a prediction."""
        return residual_bits(x)

    def inspect(self, stream: bytes, size: tuple[int, int]) -> None:
        """Compare sizes, for Pillow makes room for the picture when it opens it."""
        same_size(webp_size(stream), size, self.format)


def webp_size(stream: bytes) -> tuple[int, int]:
    """Height and width that a still WebP without metadata claims; ours are all of that kind."""
    if stream[:4] != b"RIFF" or stream[8:12] != b"WEBP" or len(stream) < 30:
        raise ValueError("it has no WebP header")
    if stream[12:16] == b"VP8 ":
        width, height = (int.from_bytes(stream[at : at + 2], "little") for at in (26, 28))
        return height & 0x3FFF, width & 0x3FFF
    if stream[12:16] == b"VP8L":
        bits = int.from_bytes(stream[21:25], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    raise ValueError(f"it begins with a chunk {stream[12:16]!r}, expected VP8 or VP8L")
