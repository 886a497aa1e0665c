"""JPEG before the classifier (Dziugaite et al. 2016, Guo et al. 2018), judged on real bytes."""

from benchmark.api import Jpeg


class JpegDefense(Jpeg):
    """Pillow's JPEG, 4:2:0, with a differentiable JPEG as surrogate."""

    def __init__(self, quality: int) -> None:
        """`quality` on the scale of libjpeg, 1 to 100."""
        super().__init__(quality, subsampling="4:2:0")
