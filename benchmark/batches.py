"""Pictures of the sample as the inputs of a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.classifiers import LoadedClassifier
from benchmark.datasets import Sample
from benchmark.datasets.pictures import checked
from benchmark.errors import DataError
from benchmark.tensors import Labels
from benchmark.transfers import to_device


@dataclass(frozen=True)
class Batch:
    """Pictures in the classifier's input size, bytes (n, 3, h, w), and the numbers of their logits.

    `start` is the position of the first one in the sample.
    """

    ids: tuple[str, ...]
    pixels: Tensor
    y: Labels
    start: int

    def first(self, n: int) -> "Batch":
        """The first `n` pictures, none if `n` is not positive."""
        n = max(n, 0)
        return Batch(self.ids[:n], self.pixels[:n], self.y[:n], self.start)


def batch_of(sample: Sample, classifier: LoadedClassifier, positions: Sequence[int]) -> Batch:
    """The pictures at `positions` of the sample, on the classifier's device."""
    pictures = sample.pictures
    if pictures.labels is None:
        raise DataError(f"dataset {pictures.name} has no labels, which this track needs")
    ids = tuple(pictures.ids[i] for i in positions)
    number = {label: logit for logit, label in enumerate(classifier.numbers)}
    y = []
    for i, name in zip(positions, ids, strict=True):
        if pictures.labels[i] not in number:
            raise DataError(
                f"label {pictures.labels[i]} of picture {name} is none of the "
                f"{len(number)} classes of {classifier.name}; correct the labels"
            )
        y.append(number[pictures.labels[i]])
    prepared = [
        classifier.recipe.prepare(checked(pictures, i)[0], name)
        for i, name in zip(positions, ids, strict=True)
    ]
    device = classifier.model.mean.device
    labels = torch.tensor(y, device=device)
    return Batch(ids, to_device(torch.stack(prepared), device), labels, positions[0])
