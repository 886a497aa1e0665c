"""WebP before the classifier, judged on real bytes."""

from benchmark.api import WebP


class WebPDefense(WebP):
    """Lossy WebP by Pillow's libwebp."""

    def __init__(self, quality: int) -> None:
        """`quality` on the scale of libwebp, 0 to 100."""
        super().__init__(quality)
