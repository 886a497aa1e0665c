"""Lossless formats before the classifier: the picture is unchanged, its bits are counted."""

from collections.abc import Callable, Mapping

from benchmark.api import CallError, Codec, Images, JpegXLLossless, Png, WebPLossless

FORMATS: Mapping[str, Callable[[], Codec]] = {
    "png": Png,
    "webp": WebPLossless,
    "jpeg-xl": JpegXLLossless,
}


class Lossless(Codec):
    """A lossless format; the control that a codec's bits buy nothing where nothing is lost."""

    def __init__(self, format: str) -> None:  # noqa: A002 (the word of the manifest)
        """`format` is png, webp or jpeg-xl."""
        super().__init__()
        if format not in FORMATS:
            raise CallError(f"format {format!r}: expected {', '.join(FORMATS)}")
        self.codec = FORMATS[format]()

    def compress(self, x: Images) -> list[bytes]:
        """One file an image."""
        return self.codec.compress(x)

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The pictures, as they were."""
        return self.codec.decompress(streams, size)
