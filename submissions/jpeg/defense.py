"""JPEG before the classifier (Dziugaite et al. 2016, Guo et al. 2018), judged on real bytes."""

from benchmark.api import Jpeg


class JpegDefense(Jpeg):
    """Pillow's JPEG, with a differentiable JPEG as surrogate."""

    def __init__(self, quality: int, subsampling: str = "4:2:0") -> None:
        """`quality` on the scale of libjpeg, 1 to 100; `subsampling` 4:2:0 or 4:4:4."""
        super().__init__(quality, subsampling=subsampling)
