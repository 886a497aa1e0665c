"""What the pages need of a run of the codec track."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from benchmark.codec_track.figures import (
    Figure,
    inflation,
    outcomes_by_cell,
    paired,
    psnr_loss,
)
from benchmark.codec_track.flags import raised
from benchmark.codec_track.score import CodecScore, codec_score
from benchmark.flags import Raised
from benchmark.records import CLEAN, CodecOutcome, Run
from benchmark.score import inside
from benchmark.threat import Access, ThreatModel
from leaderboard.render.scenes import Scene, scenes

NO_ATTACK = (Access.NONE, Access.NOISE)


@dataclass(frozen=True)
class CodedImages:
    """Of each image at the headline; None where it has no figure.

    `rate` and `attacked_rate` are bits per pixel, the latter the highest under any attack;
    `inflation` is the largest ratio of bits, `psnr_loss` the largest loss in dB. `rd_loss` is
    without attack, `attacked_rd_loss` the largest.
    """

    images: tuple[str, ...]
    rate: tuple[float | None, ...]
    attacked_rate: tuple[float | None, ...]
    inflation: tuple[float | None, ...]
    psnr_loss: tuple[float | None, ...]
    rd_loss: tuple[float | None, ...]
    attacked_rd_loss: tuple[float | None, ...]


@dataclass(frozen=True)
class CodecDigest:
    """A completed run. `table` is the CSV of every outcome."""

    score: CodecScore
    flags: tuple[Raised, ...]
    images: CodedImages
    seconds: float
    table: str
    scenes: tuple[Scene, ...]

    @property
    def draws(self) -> int:
        """How often the judge drew."""
        return self.score.draws

    @property
    def raised(self) -> tuple[Raised, ...]:
        """Every flag."""
        return self.flags


def codec_digest_of(run: Run, headline: ThreatModel) -> CodecDigest:
    """The digest of a run with its results."""
    return CodecDigest(
        score=codec_score(run),
        flags=raised(run),
        images=_images(run, headline),
        seconds=sum(result.seconds for result in run.results),
        table=_table(run.codec_outcomes),
        scenes=scenes(run),
    )


def _images(run: Run, headline: ThreatModel) -> CodedImages:
    by_cell = outcomes_by_cell(run)
    clean = by_cell[CLEAN]
    attacks = [cell for cell in run.header.cells if cell.access not in NO_ATTACK]
    within = [by_cell[c.name] for c in inside(attacks, headline) if c.name in by_cell]

    def largest(figure: Figure) -> tuple[float | None, ...]:
        found: dict[str, float] = {}
        for cell in within:
            for image, value in paired(figure, cell, clean).items():
                found[image] = max(found.get(image, value), value)
        return tuple(found.get(image) for image in clean)

    return CodedImages(
        images=tuple(clean),
        rate=tuple(_rate(outcome, outcome) for outcome in clean.values()),
        attacked_rate=largest(_rate),
        inflation=largest(inflation),
        psnr_loss=largest(psnr_loss),
        rd_loss=tuple(outcome.rd_loss for outcome in clean.values()),
        attacked_rd_loss=largest(lambda attacked, _: attacked.rd_loss),
    )


def _rate(attacked: CodecOutcome, _: CodecOutcome) -> float | None:
    return None if attacked.bits is None else attacked.bits / attacked.pixels


def _table(outcomes: Sequence[CodecOutcome]) -> str:
    names = [field.name for field in fields(CodecOutcome)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for outcome in outcomes:
        row: Mapping[str, object] = vars(outcome)
        writer.writerow(["" if row[name] is None else row[name] for name in names])
    return text.getvalue()
