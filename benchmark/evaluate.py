"""One shard of a protocol: craft, round, check, judge, and say what happened to every image."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark import attacks
from benchmark.classifiers import LoadedClassifier
from benchmark.datasets import Sample
from benchmark.datasets.pictures import checked
from benchmark.defense import Defense
from benchmark.errors import DataError
from benchmark.geometry import from_bytes, to_bytes, to_lattice_in_ball
from benchmark.gradients import ESTIMATORS, AttackedModel, admitted
from benchmark.judge import Judge, Verdict, differences, in_ball, through_png
from benchmark.protocol import (
    CLEAN_CELL,
    NO_ESTIMATOR,
    PlannedCell,
    Protocol,
    planned_cells,
)
from benchmark.records import Cell, Outcome, Shard, ShardResult
from benchmark.tensors import ImageMap, Labels, Mask
from benchmark.threat import Access
from benchmark.transfer import TransferCache


@dataclass(frozen=True)
class Batch:
    """Pictures of a shard in the classifier's input size, bytes (n, 3, h, w), and their labels."""

    ids: tuple[str, ...]
    pixels: Tensor
    y: Labels


class Crafted(NamedTuple):
    """What an attack made of a batch: 8-bit pictures in the ball, and the passes it spent."""

    pixels: Tensor
    forwards: Tensor
    backwards: Tensor


class Broken(NamedTuple):
    """The pictures of a batch as they were judged at one radius, and which of them were wrong."""

    radius: float
    pixels: Tensor
    images: Mask


class Harness:
    """A protocol, a submission and their pictures on one device, ready to evaluate shards.

    `make_defense` is called once for the attacks and once for the judge, so that what judges has
    never been asked for a gradient. `gradient` is what the manifest declares.
    """

    def __init__(
        self,
        protocol: Protocol,
        sample: Sample,
        classifiers: Mapping[str, LoadedClassifier],
        make_defense: Callable[[], Defense],
        gradient: str,
        cache: Path,
    ) -> None:
        """See the class."""
        self._sample = sample
        self._classifiers = classifiers
        self._device = next(iter(classifiers.values())).model.mean.device
        self._attacked = make_defense().to(self._device).eval()
        self._judging = make_defense().to(self._device).eval()
        self._estimators = admitted(gradient)
        self._planned = tuple(self._admitted(planned_cells(protocol)))
        self._cache = TransferCache(cache, self._device)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of this run: the clean one, then the protocol's as far as they apply."""
        return (CLEAN_CELL, *(planned.cell for planned in self._planned))

    def _admitted(self, planned: Iterator[PlannedCell]) -> Iterator[PlannedCell]:
        for one in planned:
            if one.cell.estimator in (NO_ESTIMATOR, *self._estimators):
                attacks.find(one.cell.attack or "")
                yield one

    def evaluate(self, shard: Shard) -> ShardResult:
        """Every outcome of the shard."""
        started = time.perf_counter()
        classifier = self._classifiers[shard.classifier]
        batch = self._batch(classifier, range(shard.start, shard.stop))
        judge = Judge(classifier.model, self._judging)
        nothing = torch.zeros(len(batch.ids), dtype=torch.int64)
        clean, outcomes = self._judged(
            judge, classifier, batch, CLEAN_CELL, Crafted(batch.pixels, nothing, nothing)
        )
        smaller: dict[Cell, Broken] = {}
        for planned in self._planned:
            walk = replace(planned.cell, name="", radius=None)
            fallen = smaller.get(walk, Broken(0, batch.pixels, ~(clean.margin > 0)))
            crafted = self._crafted(classifier, batch, planned, fallen)
            crafted = _inside(crafted, batch, planned)
            verdict, judged = self._judged(judge, classifier, batch, planned.cell, crafted)
            outcomes += judged
            smaller[walk] = Broken(planned.cell.radius or 0, crafted.pixels, verdict.margin <= 0)
        seconds = time.perf_counter() - started
        return ShardResult(shard, tuple(outcomes), seconds, clean.defense_seconds)

    def _batch(self, classifier: LoadedClassifier, positions: Sequence[int]) -> Batch:
        pictures = self._sample.pictures
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
        device = self._device
        return Batch(ids, torch.stack(prepared).to(device), torch.tensor(y, device=device))

    def _crafted(
        self, classifier: LoadedClassifier, batch: Batch, planned: PlannedCell, fallen: Broken
    ) -> Crafted:
        """The attack's pictures.

        White-box attacks leave out what is wrong without them, and what the same attack already
        broke at a smaller radius: that picture is inside this ball too.
        """
        if planned.cell.access is Access.TRANSFER:
            made = self._cache.get(
                classifier.identity,
                planned,
                batch.pixels,
                batch.y,
                lambda: _craft(classifier, None, batch.pixels, batch.y, planned)._asdict(),
            )
            return Crafted(**made)._replace(pixels=made["pixels"].to(self._device))
        inherits = fallen.radius <= (planned.cell.radius or 0)
        pixels = (fallen.pixels if inherits else batch.pixels).clone()
        standing = ~fallen.images if inherits else torch.ones_like(fallen.images)
        forwards = torch.zeros(len(pixels), dtype=torch.int64)
        backwards = torch.zeros_like(forwards)
        if bool(standing.any()):
            estimator = ESTIMATORS[planned.cell.estimator or ""](self._attacked)
            part = _craft(classifier, estimator, batch.pixels[standing], batch.y[standing], planned)
            pixels[standing] = part.pixels
            forwards[standing.cpu()], backwards[standing.cpu()] = part.forwards, part.backwards
        return Crafted(pixels, forwards, backwards)

    def _judged(
        self,
        judge: Judge,
        classifier: LoadedClassifier,
        batch: Batch,
        cell: Cell,
        crafted: Crafted,
    ) -> tuple[Verdict, list[Outcome]]:
        """What the judge says of the pictures that a PNG file brings back."""
        pixels, hashes = through_png(crafted.pixels)
        linf, l2 = differences(pixels, batch.pixels)
        verdict = judge(pixels, batch.y)
        outcomes = [
            Outcome(
                classifier=classifier.name,
                cell=cell.name,
                image=name,
                correct=bool(verdict.margin[i] > 0),
                predicted=classifier.numbers[int(verdict.predicted[i])],
                margin=float(verdict.margin[i]),
                linf=linf[i],
                l2=l2[i],
                bits=verdict.bits[i],
                gradient_steps=int(crafted.backwards[i]),
                queries=int(crafted.forwards[i]),
                png_sha256=hashes[i],
            )
            for i, name in enumerate(batch.ids)
        ]
        return verdict, outcomes


def _craft(
    classifier: LoadedClassifier,
    estimator: ImageMap | None,
    pixels: Tensor,
    y: Labels,
    planned: PlannedCell,
) -> Crafted:
    """The attack's answer on the 8-bit lattice inside the ball."""
    x = from_bytes(pixels)
    model = AttackedModel(classifier.model, estimator, len(x))
    attack = attacks.find(planned.cell.attack or "")
    x_adv = attack(model, x, y, planned.budget)
    rounded = to_lattice_in_ball(x_adv.detach(), x, planned.budget.threat)
    return Crafted(to_bytes(rounded), model.forwards, model.backwards)


def _inside(crafted: Crafted, batch: Batch, planned: PlannedCell) -> Crafted:
    """Pictures that left the ball, counted in integers, are replaced by the clean ones."""
    linf, l2 = differences(crafted.pixels, batch.pixels)
    threat = planned.budget.threat
    inside = torch.tensor([in_ball(a, b, threat) for a, b in zip(linf, l2, strict=True)])
    kept = inside.view(-1, 1, 1, 1).to(crafted.pixels.device)
    return crafted._replace(pixels=torch.where(kept, crafted.pixels, batch.pixels))
