"""One shard of a protocol: craft, round, check, judge, and say what happened to every image."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from benchmark.asking import Asking, Remembering
from benchmark.attacks import MINIMAL
from benchmark.batches import Batch, batch_of
from benchmark.classifiers import LoadedClassifier
from benchmark.cost import PROBED
from benchmark.crafting import Attacker, Crafted, check_attacks
from benchmark.datasets import Sample
from benchmark.defense import Plugin
from benchmark.errors import ContractError
from benchmark.estimators import admitted
from benchmark.fitting import Fitting
from benchmark.gallery import kept
from benchmark.geometry import from_bytes
from benchmark.history import Broken, History
from benchmark.judge import Judge, Verdict
from benchmark.precision import PRECISIONS, precision_on, prepared
from benchmark.probes import Subject, followed, probe
from benchmark.protocol import CLEAN_CELL, PlannedCell, Protocol, planned_cells
from benchmark.records import Cell, Outcome, Picture, Shard, ShardResult
from benchmark.replacement import behind, placed
from benchmark.scoring import (
    Exhibit,
    attacked_differently,
    decoy,
    disagreeing,
    exhibit,
    in_secret,
    judged,
    outcomes,
)
from benchmark.showing import Judged, pictures
from benchmark.tensors import Model
from benchmark.threat import Access
from benchmark.transfer import TransferCache


class Declared(NamedTuple):
    """What the manifest says of a defense: its gradient, and whether two calls may differ."""

    gradient: str
    randomized: bool = False


class Harness:
    """A protocol, a submission and their pictures on one device, ready to evaluate shards.

    `make_defense` is called once for the attacks, once for the judge whom the attacks ask, and once
    for the one whose answers count, so that what judges has never been asked for a gradient.
    `precision` is what attacks are crafted in: `fp32`, `bf16`, or `auto` for what the device is
    fast in. Judging is in fp32 always.
    """

    def __init__(
        self,
        protocol: Protocol,
        sample: Sample,
        classifiers: Mapping[str, LoadedClassifier],
        make_defense: Callable[[], Plugin],
        declared: Declared,
        cache: Path,
        *,
        precision: str = "auto",
        fitting: Fitting | None = None,
    ) -> None:
        """See the class."""
        self._protocol, self._sample = protocol, sample
        self._classifiers, self._declared = classifiers, declared
        one = next(iter(classifiers.values()))
        self._device = one.model.mean.device
        self.crafting = precision_on(self._device, precision)
        self._dtype = PRECISIONS[self.crafting]
        self._attacked = make_defense().to(self._device).eval()
        self._judging = make_defense().to(self._device).eval()
        self._scoring = make_defense().to(self._device).eval()
        example = torch.rand(1, 3, one.recipe.crop, one.recipe.crop, device=self._device)
        self._estimators = admitted(self._attacked, declared.gradient, example)
        self._planned = tuple(check_attacks(self._admitted(planned_cells(protocol))))
        self._cache = TransferCache(cache, self._device, self.crafting)
        self._fitting = fitting or Fitting()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of this run: the clean one, then the protocol's as far as they apply."""
        return (CLEAN_CELL, *(planned.cell for planned in self._planned))

    @property
    def planned(self) -> tuple[PlannedCell, ...]:
        """The attacks of this run, with what each may spend."""
        return self._planned

    def without_cache(self, folder: Path) -> "Harness":
        """The same with another folder for transfer examples, to measure what crafting takes."""
        other = copy(self)
        other._cache = TransferCache(folder, self._device, self.crafting)
        return other

    def _admitted(self, planned: Iterator[PlannedCell]) -> Iterator[PlannedCell]:
        for one in planned:
            if one.cell.access is Access.EOT and not self._declared.randomized:
                continue
            gradient_needed = one.cell.access in (Access.WHITE_BOX, Access.EOT)
            if not gradient_needed or one.cell.estimator in self._estimators:
                # The first misclassified draw of a randomized defense is no success.
                stop = one.budget.until_broken and not self._declared.randomized
                yield one._replace(budget=replace(one.budget, until_broken=stop))

    def judge(self, classifier: str) -> Judge:
        """The judge of pictures before the classifier of that name."""
        return self._judge(classifier, self._judging, self._classifiers[classifier].model)

    def _judge(self, classifier: str, plugin: Plugin, model: Model) -> Judge:
        draws = self._protocol.judge_draws if self._declared.randomized else 1
        found = self._classifiers[classifier]
        judging = placed(plugin, found.model, found.numbers)
        return Judge(behind(judging, model), judging, draws)

    def batch(self, classifier: str, positions: Sequence[int]) -> Batch:
        """Pictures of the sample as inputs of the classifier of that name."""
        return batch_of(self._sample, self._classifiers[classifier], positions)

    def evaluate(self, shard: Shard) -> ShardResult:
        """Every outcome of the shard."""
        started = time.perf_counter()
        name = shard.classifier
        batch = self.batch(name, range(shard.start, shard.stop))
        known = Remembering(self._classifiers[name].model)
        untouched = Crafted.untouched(batch.pixels)
        exhibits = [exhibit(batch, CLEAN_CELL, untouched)]
        randomized = self._declared.randomized
        judge = self._judge(name, self._judging, known)
        ask = Asking(judge, self._seed(name), batch, randomized=randomized)
        verdicts = [clean := ask(exhibits[0])]
        if bool(clean.failed.all()):
            raise ContractError(f"no clean picture of shard {shard} decodes: {clean.reason}")
        history = History(Broken(untouched, clean.draws_correct == 0))
        for planned in self._planned:
            part = batch.first((planned.cell.images or shard.stop) - batch.start)
            if not part.ids:
                continue
            made = self.crafted(name, part, planned, history.before(planned.cell, len(part.ids)))
            crafted = made.inside(part.pixels, planned.budget.threat, planned.cell.attack)
            exhibits.append(exhibit(part, planned.cell, crafted))
            verdicts.append(ask(exhibits[-1]))
            nearest = made if planned.cell.attack in MINIMAL else None
            history.add(planned.cell, Broken(crafted, verdicts[-1].draws_correct == 0, nearest))
        scoring = self._judge(name, self._scoring, known)
        exhibits.append(decoy(batch))
        verdicts.append(ask(exhibits[-1]))
        final = in_secret(scoring, exhibits, self._seed(name), batch, randomized=randomized)
        return ShardResult(
            shard=shard,
            outcomes=outcomes(self._classifiers[name], exhibits[:-1], final[:-1]),
            seconds=time.perf_counter() - started,
            defense_seconds=final[0].defense_seconds,
            diagnostics={
                **self.probed(name, batch, clean),
                **self._agreement(name, exhibits, verdicts, final),
                "decode_failures": sum(int(verdict.failed.sum()) for verdict in final[:-1]),
            },
            pictures=self._pictures(scoring, exhibits, final, shard),
        )

    def _pictures(
        self, judge: Judge, exhibits: Sequence[Exhibit], final: Sequence[Verdict], shard: Shard
    ) -> tuple[Picture, ...]:
        """What is kept to be looked at; the decoys behind the last cell are not."""
        shown = [Judged(*pair) for pair in zip(exhibits[:-1], final[:-1], strict=True)]
        images, threat = kept(self._sample, shard), self._protocol.headline_threat
        return tuple(pictures(judge, shown, images, threat, self._seed(shard.classifier)))

    def _seed(self, name: str) -> tuple[object, ...]:
        return (self._protocol.seed, name)

    def _agreement(
        self,
        name: str,
        exhibits: Sequence[Exhibit],
        verdicts: Sequence[Verdict],
        final: Sequence[Verdict],
    ) -> dict[str, float]:
        """Whether the order of questions, or having been attacked, changes answers."""
        if self._declared.randomized:
            return {}
        n = len(exhibits[0].pixels)
        changed = disagreeing(verdicts, final, n)
        found = self._classifiers[name]
        attacked = placed(self._attacked, found.model, found.numbers)
        mapped = followed(attacked, self._declared.gradient)
        moved = attacked_differently(mapped, behind(attacked, found.model), exhibits, final)
        changed[: len(moved)] |= moved
        return {"reordered_images": int(changed.sum()), "reordered_asked": n}

    def crafted(self, name: str, batch: Batch, planned: PlannedCell, before: Broken) -> Crafted:
        """The attack's pictures.

        Attacks that know the defense leave out what was broken `before`. What minimizes the
        distance is crafted once for all radii.
        """
        if before.nearest is not None:
            return before.nearest
        classifier = self._classifiers[name]
        fast = prepared(classifier, self._dtype)
        seed = (self._protocol.seed, name, batch.start)
        if planned.cell.access is Access.TRANSFER:
            bare = Attacker(classifier.model, fast, None, self._fitting.before(classifier.identity))
            key = (classifier.identity, planned, batch.pixels, batch.y)
            kept = self._cache.get(*key, lambda: bare(*key[2:], planned, *seed)._asdict())
            return Crafted(**kept)._replace(pixels=kept["pixels"].to(batch.pixels.device))
        crafted = Crafted.untouched(before.crafted.pixels)
        standing = ~before.images
        if bool(standing.any()):
            attacked = placed(self._attacked, fast, classifier.numbers)
            precise, fast = behind(attacked, classifier.model), behind(attacked, fast)
            attacker = Attacker(precise, fast, attacked, self._fitting.before(classifier.identity))
            part = attacker(batch.pixels[standing], batch.y[standing], planned, *seed)
            crafted.put(standing, part)
        return crafted

    def judged(
        self, name: str, batch: Batch, cell: Cell, crafted: Crafted
    ) -> tuple[Verdict, list[Outcome]]:
        """What the judge says of the pictures that a PNG file brings back."""
        shown = exhibit(batch, cell, crafted)
        verdict = judged(self.judge(name), shown, self._seed(name), batch)
        return verdict, list(outcomes(self._classifiers[name], [shown], [verdict]))

    def probed(self, name: str, batch: Batch, clean: Verdict) -> dict[str, float]:
        """What the first clean pictures tell of the defense itself, after all it was asked."""
        part = batch.first(PROBED - batch.start)
        if not part.ids:
            return {}
        classifier, x = self._classifiers[name], from_bytes(part.pixels)
        attacked, judging = (
            placed(plugin, classifier.model, classifier.numbers)
            for plugin in (self._attacked, self._judging)
        )
        logits, model = clean.logits[: len(x)], classifier.model
        subject = Subject(behind(judging, model), attacked, judging, x, part.y, logits, model)
        return probe(subject, **self._declared._asdict())
