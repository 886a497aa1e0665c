"""What the cells of a shard have broken so far, so that no attack repeats it."""

from dataclasses import replace
from typing import NamedTuple

import torch

from benchmark.crafting import Crafted
from benchmark.geometry import per_image
from benchmark.records import Cell
from benchmark.tensors import Mask


class Broken(NamedTuple):
    """Pictures as they were judged, and which of them were wrong (in every draw).

    `nearest` is what an attack that minimizes the distance found, before it was moved into a ball.
    """

    crafted: Crafted
    images: Mask
    nearest: Crafted | None = None

    def first(self, n: int) -> "Broken":
        """The same for the first `n` images."""
        nearest = None if self.nearest is None else self.nearest.first(n)
        return Broken(self.crafted.first(n), self.images[:n], nearest)


class History:
    """Of one shard, by cell."""

    def __init__(self, clean: Broken) -> None:
        """`clean` is the outcome without attack."""
        self._clean = clean
        self._cells: list[tuple[Cell, Broken]] = []

    def add(self, cell: Cell, broken: Broken) -> None:
        """What `cell` came to."""
        self._cells.append((cell, broken))

    def before(self, cell: Cell, n: int) -> Broken:
        """What the attack of `cell` need not do again, of the first `n` images.

        Pictures that are wrong without attack, those that the same attack broke at a smaller
        radius, for they lie inside this ball too, and for a cell of the rest those of every cell of
        its access.
        """
        walk = _walk(cell)
        merged = self._clean.first(n)
        for other, broken in self._cells:
            fits = other.norm == cell.norm and (other.radius or 0) <= (cell.radius or 0)
            if _walk(other) == walk and fits:
                merged = broken.first(n)
        for other, broken in self._cells if cell.rest else ():
            fits = other.norm == cell.norm and (other.radius or 0) <= (cell.radius or 0)
            if other.access is cell.access and fits:
                merged = _joined(merged, broken.first(n))
        return merged


def _walk(cell: Cell) -> Cell:
    """The cell at any radius."""
    return replace(cell, name="", radius=None)


def _joined(first: Broken, second: Broken) -> Broken:
    """What either broke, of the images that the second has."""
    n = len(second.images)
    new = torch.zeros_like(first.images)
    new[:n] = second.images & ~first.images[:n]
    pixels = first.crafted.pixels.clone()
    pixels[:n] = torch.where(per_image(new[:n]), second.crafted.pixels, pixels[:n])
    crafted = first.crafted._replace(pixels=pixels)
    return first._replace(crafted=crafted, images=first.images | new)
