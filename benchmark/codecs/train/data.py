"""What the bundled codecs learn from: the Kodak suite, two textures, and drawn pictures.

Never `photos`, which they are measured on, and never a picture that a protocol judges.
"""

from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.datasets import kodak, shapes
from benchmark.datasets.pictures import Picture, read_file
from benchmark.geometry import from_bytes
from benchmark.tensors import Images

HELD_OUT = ("kodim23", "kodim24")
"""Photographs on which progress is measured."""
TEXTURES = ("brick", "grass")
"""Of scikit-image, CC0."""
SCALES = (1.0, 0.71, 0.5, 0.35)
SMALLEST = 128
DRAWN, DRAWN_HELD_OUT = 800, 32
PIXELS = 64 * 64 * 8
"""Pixels of a batch: 8 of 64x64, or 2 of 128x128."""
DRAWN_SHARE, LARGE_SHARE = 0.2, 0.4
"""Batches of drawn pictures, and of 128x128 crops; the others are 64x64 crops of photographs."""


def photographs(names: Sequence[str]) -> list[Picture]:
    """Those of the Kodak suite called `names`."""
    suite = kodak.load()
    return [suite.read(suite.ids.index(name)) for name in names]


def textures() -> list[Picture]:
    """The textures, grey."""
    folder = files("skimage").joinpath("data")
    return [read_file(Path(str(folder.joinpath(f"{name}.png")))) for name in TEXTURES]


def _draw(split: str, position: int) -> Picture:
    return shapes.draw((shapes.SEED, split, position), position % len(shapes.CLASSES))


def drawn(split: str, count: int, processes: int = 2) -> Tensor:
    """`count` pictures of `shapes` in bytes (n, 3, 64, 64), which are not its validation ones."""
    with Pool(processes) as pool:
        made = pool.map(partial(_draw, split), range(count), chunksize=50)
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).contiguous()


def pyramid(picture: Picture) -> list[Tensor]:
    """A picture in bytes (3, h, w) at every scale that leaves it large enough to crop."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
    levels = []
    for scale in SCALES:
        size = [round(side * scale) for side in pixels.shape[1:]]
        if min(size) >= SMALLEST:
            small = functional.interpolate(pixels[None], size=size, mode="bicubic", antialias=True)
            levels.append(small[0])
    return levels


class Lessons:
    """Batches without end; the batch of a step depends on the step alone."""

    def __init__(self, pictures: Sequence[Picture], drawn_pictures: Tensor) -> None:
        self.levels = [level for picture in pictures for level in pyramid(picture)]
        self.drawn = drawn_pictures

    def batch(self, generator: torch.Generator) -> Images:
        """Augmented crops of one size, contiguous.

        Torch's convolutions compute wrong weight gradients on a CPU from some inputs in
        channels-last order, so that the copy is not for speed alone.
        """
        kind = float(torch.rand(1, generator=generator))
        if kind < DRAWN_SHARE:
            index = torch.randint(len(self.drawn), (PIXELS // 64**2,), generator=generator)
            crops = self.drawn[index]
        else:
            side = 128 if kind < DRAWN_SHARE + LARGE_SHARE else 64
            crops = torch.stack([self._crop(side, generator) for _ in range(PIXELS // side**2)])
        return augmented(from_bytes(crops), generator).contiguous()

    def _crop(self, side: int, generator: torch.Generator) -> Tensor:
        level = self.levels[_below(len(self.levels), generator)]
        top = _below(level.shape[1] - side + 1, generator)
        left = _below(level.shape[2] - side + 1, generator)
        crop = level[:, top : top + side, left : left + side]
        crop = torch.rot90(crop, _below(4, generator), (1, 2))
        return crop.flip(2) if _below(2, generator) else crop


def _below(limit: int, generator: torch.Generator) -> int:
    return int(torch.randint(limit, (1,), generator=generator))


def augmented(x: Images, generator: torch.Generator) -> Images:
    """Brightness, contrast and saturation of each image changed; one in ten is grey."""
    contrast, shift, saturation, grey = torch.rand(4, len(x), 1, 1, 1, generator=generator)
    saturation = torch.where(grey < 0.1, 0, 0.6 + 0.7 * saturation)
    mean = x.mean(1, keepdim=True)
    x = mean + (x - mean) * saturation
    changed: Tensor = 0.5 + (x - 0.5) * (0.6 + 0.8 * contrast) + 0.5 * (shift - 0.5)
    return changed.clamp(0, 1)


def lessons() -> Lessons:
    """All there is to learn from."""
    names = [name for name in kodak.NAMES if name not in HELD_OUT]
    return Lessons([*photographs(names), *textures()], drawn("training", DRAWN))


def held_out() -> list[Tensor]:
    """Two photographs of 256x256, and drawn pictures, on which progress is measured."""
    cuts = [picture[128:384, 128:384] for picture in photographs(HELD_OUT)]
    large = torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2).contiguous()
    return [from_bytes(large), from_bytes(drawn("development", DRAWN_HELD_OUT))]
