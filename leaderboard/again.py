"""A published run made again, to see whether anybody else would get the same figures."""

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmark import protocol as protocols
from benchmark.errors import SqueezebenchError
from benchmark.records import Run
from benchmark.score import score
from leaderboard import evaluation, submission
from leaderboard.engine import Engine
from leaderboard.evaluation import Progress, Request
from leaderboard.record.ledger import Entry, verified
from leaderboard.record.moving import merge
from leaderboard.record.publishing import trial
from leaderboard.store import Store
from leaderboard.submission import Submission

SAME_VERDICTS = 0.99
"""Share of images that must get the same verdict: another machine moves the last bits."""
SAME_ACCURACY = 0.005
"""Accuracies may differ by this, or by one image where there are few."""


@dataclass(frozen=True)
class Chosen:
    """A published run whose submission is here, unchanged."""

    entry: Entry
    run: Run
    submission: Submission


@dataclass(frozen=True)
class Agreement:
    """How far a run made again agrees with its record, and what to say of it."""

    agrees: bool
    sentence: str


def pick(results: Path, protocol: str, submissions: Path, seed: int) -> Chosen | None:
    """One of the published runs that can be made again, None if there is none."""
    known = verified(results)
    superseded = {entry.supersedes for entry, _ in known}
    candidates = []
    with trial() as store:
        for entry, files in known:
            run = store.run(merge(store, files, results / entry.file).run_id)
            if entry.record in superseded or run.header.protocol != protocol:
                continue
            if (found := _unchanged(run, submissions)) is not None:
                candidates.append(Chosen(entry, run, found))
    return random.Random(seed).choice(candidates) if candidates else None  # noqa: S311 (no secret)


def _unchanged(run: Run, submissions: Path) -> Submission | None:
    try:
        found = submission.load(submissions / run.header.submission)
    except SqueezebenchError:
        return None
    return found if found.hash == run.header.submission_hash else None


def make(
    chosen: Chosen, engine: Engine, progress: Progress, *, device: str, sandboxed: bool
) -> Agreement:
    """Evaluate it again, as many images as the record has, and compare."""
    header = chosen.run.header
    request = Request(
        chosen.submission,
        chosen.submission.variant(header.variant),
        protocols.load(header.protocol),
        device=device,
        precision=header.environment["crafting"],
        limit=header.images,
        sandboxed=sandboxed,
    )
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        store = Store(str(Path(folder) / "again.db"), create=True)
        return compare(chosen.run, evaluation.evaluate(request, store, engine, progress))


def compare(old: Run, new: Run) -> Agreement:
    """Same verdict on nearly every image, accuracies close to each other."""
    before = {(o.classifier, o.cell, o.image): o.correct for o in old.outcomes}
    after = {(o.classifier, o.cell, o.image): o.correct for o in new.outcomes}
    entry = f"{old.header.entry} under {old.header.protocol}"
    if before.keys() != after.keys():
        odd = len(before.keys() ^ after.keys())
        return Agreement(False, f"{entry}: {odd} outcomes stand in only one of the runs")
    same = sum(before[key] == after[key] for key in before) / len(before)
    furthest = max(
        abs(mine - theirs)
        for record in old.header.classifiers
        for mine, theirs in zip(_figures(old, record.name), _figures(new, record.name), strict=True)
    )
    allowed = max(SAME_ACCURACY, 1 / old.header.images + 1e-9)
    said = f"{100 * same:.2f} % of the verdicts are the same, accuracies within {furthest:.4f}"
    agrees = same >= SAME_VERDICTS and furthest <= allowed
    return Agreement(agrees, f"{entry}: {said}" + ("" if agrees else "; they do not agree"))


def _figures(run: Run, classifier: str) -> list[float]:
    """Clean accuracy, and the worst case of each threat model."""
    found = score(run, classifier)
    return [found.clean.estimate, *(one.worst.estimate for one in found.robustness)]
