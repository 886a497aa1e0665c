"""What the pages need of a run: its scores, its flags, and what the headline says of each image."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.flags import Raised, raised
from benchmark.records import CLEAN, Challenge, Interval, Outcome, Run
from benchmark.score import (
    Score,
    Shares,
    challenged_shares,
    inside,
    lowest_of_attacked,
    mean_share,
    score,
    shares_of,
)
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.render.scenes import Scene, scenes

GRADIENTS = (Access.WHITE_BOX, Access.EOT)


@dataclass(frozen=True)
class PerImage:
    """One classifier's images in the order of the sample, at the headline.

    Shares of right draws without attack, under transfer, and in the worst case with every
    challenge. `bits_per_pixel` of the clean image; empty for a defense without a bitstream.
    """

    images: tuple[str, ...]
    clean: tuple[float, ...]
    transfer: tuple[float, ...]
    worst: tuple[float, ...]
    bits_per_pixel: tuple[float, ...]


@dataclass(frozen=True)
class Estimated:
    """Accuracy under every white-box attack that follows one gradient, at one threat model."""

    estimator: str
    threat: ThreatModel
    accuracy: Interval


@dataclass(frozen=True)
class Challenged:
    """A challenge as a row: when, by whom, at what, how many pictures fell, how many were out."""

    at: str
    by: str
    threat: ThreatModel
    handed_in: int
    broken: int
    outside: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """A run before one classifier."""

    score: Score
    flags: tuple[Raised, ...]
    images: PerImage
    estimators: tuple[Estimated, ...]
    challenges: tuple[Challenged, ...]
    draws: int


@dataclass(frozen=True)
class Digest:
    """A completed run. `table` is the CSV of each image's share of right draws under each cell."""

    parts: tuple[Part, ...]
    seconds: float
    table: str
    scenes: tuple[Scene, ...]

    @property
    def draws(self) -> int:
        """How often the judge drew."""
        return max(part.draws for part in self.parts)

    @property
    def raised(self) -> tuple[Raised, ...]:
        """Every flag, of the first classifier first."""
        return tuple(flag for part in self.parts for flag in part.flags)


def digest_of(run: Run, headline: ThreatModel) -> Digest:
    """The digest of a run with its results."""
    return Digest(
        parts=tuple(_part(run, record.name, headline) for record in run.header.classifiers),
        seconds=sum(result.seconds for result in run.results),
        table=_table(run),
        scenes=scenes(run),
    )


def _part(run: Run, classifier: str, headline: ThreatModel) -> Part:
    outcomes = [o for o in run.outcomes if o.classifier == classifier]
    shares = shares_of(outcomes)
    challenges = [c for c in run.challenges if c.classifier == classifier]
    return Part(
        score=score(run, classifier),
        flags=raised(run, classifier),
        images=_per_image(run, classifier, outcomes, shares, headline, challenges),
        estimators=_estimators(run, shares),
        challenges=tuple(_challenged(challenge) for challenge in challenges),
        draws=max(outcome.draws for outcome in outcomes),
    )


def _per_image(
    run: Run,
    classifier: str,
    outcomes: list[Outcome],
    shares: Shares,
    headline: ThreatModel,
    challenges: list[Challenge],
) -> PerImage:
    """Images that no cell attacked keep their share without attack."""
    clean = shares[CLEAN]
    cells = [cell for cell in inside(run.header.cells, headline) if cell.name in shares]
    transfer = [cell for cell in cells if cell.access is Access.TRANSFER]
    worst: Mapping[str, float] = lowest_of_attacked(cells, shares)
    worst = challenged_shares(headline, challenges, worst, clean) or worst
    after_transfer = lowest_of_attacked(transfer, shares)
    record = next(c for c in run.header.classifiers if c.name == classifier)
    pixels = record.height * record.width
    bits = {o.image: o.bits / pixels for o in outcomes if o.cell == CLEAN and o.bits is not None}
    images = tuple(clean)
    return PerImage(
        images=images,
        clean=tuple(clean.values()),
        transfer=tuple(after_transfer.get(image, clean[image]) for image in images),
        worst=tuple(worst.get(image, clean[image]) for image in images),
        bits_per_pixel=tuple(bits[i] for i in images) if len(bits) == len(images) else (),
    )


def _estimators(run: Run, shares: Shares) -> tuple[Estimated, ...]:
    """Cells of the rest are left out: what they attacked depends on other estimators."""
    cells = [
        cell
        for cell in run.header.cells
        if cell.access in GRADIENTS and not cell.rest and not cell.check and cell.name in shares
    ]
    found = []
    for estimator in dict.fromkeys(cell.estimator or "" for cell in cells):
        own = [cell for cell in cells if cell.estimator == estimator]
        radii = sorted({(cell.norm or "", cell.radius or 0.0) for cell in own})
        for norm, radius in radii:
            threat = ThreatModel(Norm(norm), radius)
            left = list(lowest_of_attacked(inside(own, threat), shares).values())
            found.append(Estimated(estimator, threat, mean_share(left)))
    return tuple(found)


def _challenged(challenge: Challenge) -> Challenged:
    return Challenged(
        at=challenge.at,
        by=challenge.by,
        threat=challenge.threat,
        handed_in=len(challenge.outcomes),
        broken=sum(not outcome.correct for outcome in challenge.outcomes),
        outside=len(challenge.outside),
        sha256=challenge.sha256,
    )


def _table(run: Run) -> str:
    """One row an image before a classifier, one column a cell; empty where it did not attack."""
    names = [cell.name for cell in run.header.cells]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for outcome in run.outcomes:
        row = rows.setdefault((outcome.classifier, outcome.image), {})
        row[outcome.cell] = f"{outcome.draws_correct / outcome.draws:g}"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["classifier", "image", *names])
    for (classifier, image), row in rows.items():
        writer.writerow([classifier, image, *(row.get(name, "") for name in names)])
    return text.getvalue()
