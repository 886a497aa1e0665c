"""HEIC before the classifier, judged on real bytes."""

from benchmark.api import Heic


class HeicDefense(Heic):
    """HEIC by libheif and x265, through the plugin pillow-heif (the extra `heif`)."""

    def __init__(self, quality: int, subsampling: str = "4:2:0") -> None:
        """`quality` on the scale of libheif, 0 to 100."""
        super().__init__(quality, subsampling=subsampling)
