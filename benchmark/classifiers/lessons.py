"""Pictures to retrain a classifier on, as its inputs, after JPEG."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmark.classifiers import LoadedClassifier
from benchmark.datasets import folder, shapes, synsets
from benchmark.datasets.pictures import Pictures
from benchmark.errors import DataError
from benchmark.geometry import from_bytes
from benchmark.tensors import Images, Labels

HELD_OUT = 10
"""One in so many pictures measures progress; no step is taken on it."""


class Lesson(NamedTuple):
    """The pictures to learn from, and those on which progress is measured."""

    training: Pictures
    development: Pictures


@lru_cache(maxsize=24_000)
def _drawn(split: str, position: int) -> NDArray[np.uint8]:
    return shapes.draw((shapes.SEED, split, position), position % len(shapes.CLASSES))


def of_shapes(count: int) -> Lesson:
    """`count` pictures of `shapes` that no protocol judges, and a tenth as many to measure on."""

    def split(name: str, size: int) -> Pictures:
        ids = tuple(f"{name}-{i}" for i in range(size))
        labels = tuple(i % len(shapes.CLASSES) for i in range(size))
        return Pictures("shapes", ids, labels, partial(_drawn, name))

    return Lesson(split("training", count), split("development", max(1, count // HELD_OUT)))


def of_folder(root: Path, count: int, numbers: Sequence[int]) -> Lesson:
    """At most `count` pictures of `root`, one sub-folder a class, a tenth of them to measure on.

    Folders named as synsets of ImageNet have its class numbers, others their place in the order of
    their names, as in the dataset `folder`. Every class must be one of `numbers`.
    """
    found = folder.load(root)
    names = [identifier.split("/")[0] for identifier in found.ids]
    if set(names) <= set(synsets.numbers()):
        found = replace(found, labels=tuple(synsets.numbers()[name] for name in names))
    strange = sorted(set(found.labels or ()) - set(numbers))
    if strange:
        raise DataError(
            f"{root} holds pictures of class {strange[0]}, which is none of the {len(numbers)} "
            "classes of the classifier; name sub-folders as ImageNet's synsets, or leave them out"
        )
    lots = [hashlib.sha256(identifier.encode()).digest() for identifier in found.ids]
    order = sorted(range(len(found)), key=lots.__getitem__)[:count]
    if len(order) < 2:
        raise DataError(f"{root} gives {len(order)} pictures to learn from; expected at least 2")
    return Lesson(
        found.subset([position for i, position in enumerate(order) if i % HELD_OUT]),
        found.subset([position for i, position in enumerate(order) if not i % HELD_OUT]),
    )


def inputs(
    classifier: LoadedClassifier,
    pictures: Pictures,
    positions: Sequence[int],
    quality: int | None,
    flipped: Sequence[bool] | None = None,
) -> tuple[Images, Labels]:
    """Pictures as the classifier's inputs, after JPEG unless `quality` is None, and their logits.

    Those `flipped` are mirrored before the compression, as another photograph would be.
    """
    made = []
    for i, position in enumerate(positions):
        pixels = classifier.recipe.prepare(pictures.read(position), pictures.ids[position])
        pixels = pixels.flip(2) if flipped and flipped[i] else pixels
        made.append(pixels if quality is None else jpeg(pixels, quality))
    device = classifier.model.mean.device
    labels = pictures.labels or ()
    y = [classifier.numbers.index(labels[position]) for position in positions]
    return from_bytes(torch.stack(made)).to(device), torch.tensor(y, device=device)


def jpeg(pixels: Tensor, quality: int) -> Tensor:
    """A picture in bytes (3, h, w) as it comes back from a JPEG file (Pillow's, 4:2:0)."""
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    picture.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer) as opened:
        return torch.from_numpy(np.array(opened)).permute(2, 0, 1)
