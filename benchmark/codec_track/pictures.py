"""Pictures of the sample as a codec is given them: as they are, or scaled and cropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from benchmark.classifiers import Recipe
from benchmark.datasets import Sample
from benchmark.datasets.pictures import checked
from benchmark.protocol import ImageSpec


@dataclass(frozen=True)
class Group:
    """Consecutive pictures of one size, bytes (n, 3, h, w); `start` is the first one's position."""

    ids: tuple[str, ...]
    pixels: Tensor
    start: int

    def first(self, n: int) -> "Group":
        """The first `n` pictures, none if `n` is not positive."""
        n = max(n, 0)
        return Group(self.ids[:n], self.pixels[:n], self.start)


def prepared(sample: Sample, spec: ImageSpec, position: int) -> Tensor:
    """The picture at `position`, checked against its hash, as bytes (3, h, w)."""
    picture, _ = checked(sample.pictures, position)
    if spec.crop is None:
        return torch.from_numpy(picture.copy()).permute(2, 0, 1)
    recipe = Recipe(spec.resize or 0, spec.crop, spec.interpolation, (), ())
    return recipe.prepare(picture, sample.pictures.ids[position])


def groups(
    sample: Sample, spec: ImageSpec, positions: Sequence[int], device: torch.device
) -> Iterator[Group]:
    """The pictures at consecutive `positions`, those of one size together as far as they touch."""
    made = [(position, prepared(sample, spec, position)) for position in positions]
    for _, together in groupby(made, key=lambda one: one[1].shape):
        part = list(together)
        yield Group(
            tuple(sample.pictures.ids[position] for position, _ in part),
            torch.stack([pixels for _, pixels in part]).to(device),
            part[0][0],
        )
