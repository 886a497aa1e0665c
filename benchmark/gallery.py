"""The pictures that a run keeps: of which images, and as which files."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmark.datasets import Sample
from benchmark.records import SHOWABLE, WINDOW, Picture, Shard

KEPT = 3
"""Images of the sample, its first ones, of which a run keeps pictures."""


def kept(sample: Sample, shard: Shard) -> int:
    """Of how many of its first images a shard keeps pictures."""
    return max(min(KEPT, shard.stop) - shard.start, 0) if sample.pictures.name in SHOWABLE else 0


def png(picture: NDArray[np.uint8]) -> bytes:
    """The PNG file of a picture (h, w, 3)."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def picture(cell: str, image: str, role: str, pixels: Tensor) -> Picture:
    """The middle of a picture in bytes (3, h, w), to be kept."""
    height, width = pixels.shape[-2:]
    top, left = (max(side - WINDOW, 0) // 2 for side in (height, width))
    middle = pixels[:, top : top + WINDOW, left : left + WINDOW].permute(1, 2, 0)
    return Picture(cell, image, role, png(middle.contiguous().cpu().numpy()))
