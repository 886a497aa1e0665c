"""JPEG 2000 at a rate before the classifier, judged on real bytes."""

from benchmark.api import Jpeg2000


class Jpeg2000Defense(Jpeg2000):
    """OpenJPEG through Pillow; the 9/7 wavelet as surrogate."""

    def __init__(self, bits_per_pixel: float) -> None:
        """`bits_per_pixel` is what the encoder aims at, headers included."""
        super().__init__(bits_per_pixel)
