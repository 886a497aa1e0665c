"""A published run made again, to see whether anybody else would get the same figures."""

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmark import protocol as protocols
from benchmark.codec_track.score import codec_score
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
SAME_BITS, SAME_PSNR = 0.01, 0.1
"""A cell's mean bits a pixel may differ by this share, its mean PSNR by so many dB."""


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
        protocols.of_content(header.protocol_content),
        device=device,
        precision=header.environment["crafting"],
        limit=header.images,
        sandboxed=sandboxed,
    )
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        store = Store(str(Path(folder) / "again.db"), create=True)
        return compare(chosen.run, evaluation.evaluate(request, store, engine, progress))


def compare(old: Run, new: Run) -> Agreement:
    """Same verdict on nearly every image; accuracies, or bits and PSNR, close to each other."""
    before, after = _verdicts(old), _verdicts(new)
    entry = f"{old.header.entry} under {old.header.protocol}"
    if before.keys() != after.keys():
        odd = len(before.keys() ^ after.keys())
        return Agreement(False, f"{entry}: {odd} outcomes stand in only one of the runs")
    same = sum(before[key] == after[key] for key in before) / len(before)
    said = f"{entry}: {100 * same:.2f} % of the verdicts are the same"
    close, distance = (_close_codecs if old.codec_outcomes else _close_accuracies)(old, new)
    agrees = same >= SAME_VERDICTS and close
    return Agreement(agrees, f"{said}, {distance}" + ("" if agrees else "; they do not agree"))


def _verdicts(run: Run) -> dict[tuple[str, ...], object]:
    """Of each image whether it was classified right, or how its stream fared."""
    found: dict[tuple[str, ...], object] = {
        (o.classifier, o.cell, o.image): o.correct for o in run.outcomes
    }
    return found | {(o.cell, o.image): o.status for o in run.codec_outcomes}


def _close_accuracies(old: Run, new: Run) -> tuple[bool, str]:
    furthest = max(
        abs(mine - theirs)
        for record in old.header.classifiers
        for mine, theirs in zip(_figures(old, record.name), _figures(new, record.name), strict=True)
    )
    allowed = max(SAME_ACCURACY, 1 / old.header.images + 1e-9)
    return furthest <= allowed, f"accuracies within {furthest:.4f}"


def _close_codecs(old: Run, new: Run) -> tuple[bool, str]:
    mine, theirs = codec_score(old), codec_score(new)
    pairs = [
        (one.quality, other.quality)
        for one, other in zip((mine.clean, *mine.cells), (theirs.clean, *theirs.cells), strict=True)
    ]
    rates = [
        (a.bits_per_pixel.estimate, b.bits_per_pixel.estimate)
        for a, b in pairs
        if a.bits_per_pixel and b.bits_per_pixel
    ]
    errors = [(a.psnr.estimate, b.psnr.estimate) for a, b in pairs if a.psnr and b.psnr]
    bits = max((abs(b / a - 1) for a, b in rates), default=0.0)
    decibels = max((abs(b - a) for a, b in errors), default=0.0)
    said = f"bits of each cell within {100 * bits:.2f} %, PSNR within {decibels:.3f} dB"
    return bits <= SAME_BITS and decibels <= SAME_PSNR, said


def _figures(run: Run, classifier: str) -> list[float]:
    """Clean accuracy, and the worst case of each threat model."""
    found = score(run, classifier)
    return [found.clean.estimate, *(one.worst.estimate for one in found.robustness)]
