"""`shapes`: ten silhouettes among clutter, drawn from a seed with the statistics of photographs.

Dead leaves behind (occlusion with power-law sizes; Lee, Mumford, Huang 2001), a 1/f texture on
every surface, uneven light, a cast shadow, twigs in front. Only operations that IEEE 754 rounds
exactly (+ - * / sqrt, comparisons) touch a pixel, so every machine draws the same bytes.
"""

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.pictures import Pictures

Field = NDArray[np.float64]
Silhouette = Callable[[Field, Field], NDArray[np.bool_]]

SIDE = 64
OVERSAMPLING = 2
SEED = 20_261_120
LEAVES = 40
TWIGS = 2
VALIDATION_SIZE = 1000


class Dice:
    """Random numbers whose bits are fixed by PCG64 alone, whatever the version of numpy."""

    def __init__(self, *key: int | str) -> None:
        digest = hashlib.sha256(repr(key).encode()).digest()
        self._bits = np.random.PCG64(int.from_bytes(digest[:16], "big"))

    def field(self, *shape: int) -> Field:
        """Uniform numbers in [0, 1)."""
        count = math.prod(shape)
        return ((self._bits.random_raw(count) >> np.uint64(11)) * 2.0**-53).reshape(shape)

    def uniform(self, low: float, high: float) -> float:
        """One number in [low, high)."""
        return low + (high - low) * ((self._bits.random_raw() >> 11) * 2.0**-53)

    def direction(self) -> tuple[float, float]:
        """A unit vector, by the rational parametrisation of the circle (no sine needed)."""
        t = self.uniform(-1, 1)
        c, s = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
        return (c, s) if self.uniform(0, 1) < 0.5 else (-c, -s)

    def color(self) -> Field:
        """An RGB color of moderate saturation."""
        gray = self.uniform(0.15, 0.85)
        return np.clip(gray + (self.field(3) - 0.5) * 0.55, 0.03, 0.97)


def _polygon(points: list[tuple[float, float]]) -> Silhouette:
    """The inside of a polygon, by the even-odd rule."""

    def inside(u: Field, v: Field) -> NDArray[np.bool_]:
        mask = np.zeros(u.shape, dtype=bool)
        for (u0, v0), (u1, v1) in zip(points, points[1:] + points[:1], strict=True):
            if v0 != v1:
                crosses = (v0 > v) != (v1 > v)
                mask ^= crosses & (u < (u1 - u0) * (v - v0) / (v1 - v0) + u0)
        return mask

    return inside


def _heart(u: Field, v: Field) -> NDArray[np.bool_]:
    a, b = 1.15 * u, 1.15 * v + 0.1
    hull = a * a + b * b - 1
    inside: NDArray[np.bool_] = hull * hull * hull - a * a * b * b * b <= 0
    return inside


SILHOUETTES: dict[str, Silhouette] = {
    "disc": lambda u, v: u * u + v * v <= 0.81,
    "ring": lambda u, v: (u * u + v * v <= 1) & (u * u + v * v >= 0.3),
    "crescent": lambda u, v: (u * u + v * v <= 1) & ((u - 0.5) * (u - 0.5) + v * v >= 0.6),
    "triangle": _polygon([(0.0, 1.0), (-0.95, -0.7), (0.95, -0.7)]),
    "square": lambda u, v: (abs(u) <= 0.75) & (abs(v) <= 0.75),
    "cross": lambda u, v: ((abs(u) <= 0.27) & (abs(v) <= 1)) | ((abs(v) <= 0.27) & (abs(u) <= 1)),
    "star": _polygon(
        [
            (0.0, 1.05),
            (-0.24, 0.33),
            (-1.0, 0.32),
            (-0.38, -0.13),
            (-0.62, -0.85),
            (0.0, -0.4),
            (0.62, -0.85),
            (0.38, -0.13),
            (1.0, 0.32),
            (0.24, 0.33),
        ]
    ),
    "arrow": _polygon(
        [
            (0.0, 1.1),
            (-0.8, 0.15),
            (-0.28, 0.15),
            (-0.28, -1.0),
            (0.28, -1.0),
            (0.28, 0.15),
            (0.8, 0.15),
        ]
    ),
    "heart": _heart,
    "bolt": _polygon(
        [(0.25, 1.1), (-0.65, -0.15), (-0.1, -0.15), (-0.3, -1.1), (0.65, 0.25), (0.1, 0.25)]
    ),
}
CLASSES = tuple(SILHOUETTES)


def _texture(dice: Dice, side: int) -> Field:
    """A 1/f field of mean 0: octaves of smoothed lattice noise, finer ones weaker."""
    field = np.zeros((side, side))
    cells, amplitude = 4, 1.0
    while cells <= side // 2:
        lattice = dice.field(cells + 2, cells + 2) - 0.5
        position = np.arange(side) * (cells / side)
        whole = position.astype(np.int64)
        part = position - whole
        part = part * part * (3 - 2 * part)
        rows = lattice[whole] * (1 - part)[:, None] + lattice[whole + 1] * part[:, None]
        field += amplitude * (rows[:, whole] * (1 - part) + rows[:, whole + 1] * part)
        cells, amplitude = 2 * cells, amplitude * 0.6
    return field


def _leaves(dice: Dice, grid: Field) -> tuple[Field, Field]:
    """Colors (side, side, 3) and texture strengths (side, side) of a dead-leaves background."""
    side = len(grid)
    colors = np.broadcast_to(dice.color(), (side, side, 3)).copy()
    strength = np.full((side, side), dice.uniform(0.1, 0.5))
    for _ in range(LEAVES):
        reach = min(0.22, 0.05 / np.sqrt(1 - dice.uniform(0, 0.98)))  # density ~ reach**-3
        x0, y0 = dice.uniform(-0.1, 1.1), dice.uniform(-0.1, 1.1)
        c, s = dice.direction()
        stretch = dice.uniform(0.4, 1.0)
        part = _around(y0, reach, grid), _around(x0, reach, grid)
        dx, dy = grid[None, part[1]] - x0, grid[part[0], None] - y0
        u, v = (c * dx + s * dy) / reach, (c * dy - s * dx) / (reach * stretch)
        leaf = u * u + v * v <= 1
        colors[part][leaf] = dice.color()
        strength[part][leaf] = dice.uniform(0.05, 0.6)
    return colors, strength


def _around(place: float, reach: float, grid: Field) -> slice:
    """Where the grid is within `reach` of a place, and a little more; a leaf is nowhere else."""
    first, last = np.searchsorted(grid, (place - 1.01 * reach, place + 1.01 * reach))
    return slice(first, last)


def _twigs(dice: Dice, grid: Field, colors: Field) -> None:
    """Thin bars across the picture, over everything."""
    for _ in range(TWIGS):
        c, s = dice.direction()
        offset, width = dice.uniform(-0.45, 0.45), dice.uniform(0.006, 0.014)
        along = c * (grid[None, :] - 0.5) + s * (grid[:, None] - 0.5) - offset
        colors[abs(along) <= width] = dice.color()


def _contrasting(dice: Dice, behind: Field) -> Field:
    """A color that differs from `behind` by at least 0.35 in some channel."""
    while True:
        color = dice.color()
        if np.max(abs(color - behind)) >= 0.35:
            return color


def draw(key: tuple[int | str, ...], label: int) -> NDArray[np.uint8]:
    """The picture (64, 64, 3) of class `label` that `key` determines."""
    dice = Dice(*key)
    side = SIDE * OVERSAMPLING
    grid = (np.arange(side) + 0.5) / side
    colors, strength = _leaves(dice, grid)

    size = dice.uniform(0.24, 0.36)
    x0, y0 = dice.uniform(0.36, 0.64), dice.uniform(0.36, 0.64)
    c, s = dice.direction()
    dx, dy = (grid[None, :] - x0) / size, (y0 - grid[:, None]) / size
    silhouette = SILHOUETTES[CLASSES[label]]
    shade = dice.uniform(0.03, 0.09) / size
    shadow = silhouette(c * (dx - shade) + s * (dy + shade), c * (dy + shade) - s * (dx - shade))
    colors[shadow] *= dice.uniform(0.5, 0.8)
    body = silhouette(c * dx + s * dy, c * dy - s * dx)
    colors[body] = _contrasting(dice, colors[int(y0 * side), int(x0 * side)])
    strength[body] = dice.uniform(0.05, 0.4)
    _twigs(dice, grid, colors)

    slope_x, slope_y = dice.uniform(-0.5, 0.5), dice.uniform(-0.5, 0.5)
    light = (
        dice.uniform(0.8, 1.15) + slope_x * (grid[None, :] - 0.5) + slope_y * (grid[:, None] - 0.5)
    )
    picture = (colors + (strength * _texture(dice, side))[..., None]) * light[..., None]
    small = (
        picture[::2, ::2] + picture[1::2, ::2] + picture[::2, 1::2] + picture[1::2, 1::2]
    ) * 0.25
    small = small + (dice.field(SIDE, SIDE, 3) - 0.5) * 0.03
    pixels: NDArray[np.uint8] = (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels


@lru_cache(maxsize=4096)
def _validation_picture(position: int) -> NDArray[np.uint8]:
    return draw((SEED, "validation", position), position % len(CLASSES))


def load() -> Pictures:
    """The 1,000 validation pictures, classes in turn, so that any prefix is balanced."""
    positions = range(VALIDATION_SIZE)
    return Pictures(
        name="shapes",
        ids=tuple(f"shapes-{position:04d}" for position in positions),
        labels=tuple(position % len(CLASSES) for position in positions),
        read=_validation_picture,
    )
