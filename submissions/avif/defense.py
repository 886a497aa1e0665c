"""AVIF before the classifier, judged on real bytes."""

from benchmark.api import Avif


class AvifDefense(Avif):
    """AVIF by Pillow's libavif and libaom."""

    def __init__(self, quality: int, subsampling: str = "4:2:0") -> None:
        """`quality` on the scale of libavif, 0 to 100."""
        super().__init__(quality, subsampling=subsampling)
