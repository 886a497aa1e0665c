"""The site's figures for programs: runs and boards as JSON, boards as CSV."""

import csv
import io

from leaderboard.render.boards import Board
from leaderboard.render.entry import Entry, mean_figure
from leaderboard.render.schema import (
    SCHEMA,
    BoardRecord,
    CellRecord,
    FlagRecord,
    ImagesRecord,
    PartRecord,
    RobustnessRecord,
    RowRecord,
    RunRecord,
)
from leaderboard.render.words import entry_slug


def run_record(entry: Entry) -> RunRecord:
    """A run for programs."""
    header = entry.run.header
    return RunRecord(
        schema=SCHEMA,
        id=entry.run.id,
        submission=header.submission,
        variant=header.variant,
        title=header.title,
        kind=header.kind,
        parameters=header.parameters,
        submission_hash=header.submission_hash,
        protocol=header.protocol,
        protocol_hash=header.protocol_hash,
        dataset=header.dataset,
        dataset_fingerprint=header.dataset_fingerprint,
        unofficial_reason=header.unofficial_reason,
        started=entry.run.started,
        environment=header.environment,
        headline=entry.headline,
        parts=tuple(_part(entry, i) for i in range(len(entry.digest.parts))),
    )


def _part(entry: Entry, i: int) -> PartRecord:
    part = entry.digest.parts[i]
    score, images = part.score, part.images
    return PartRecord(
        classifier=score.classifier,
        clean=score.clean,
        robustness=tuple(
            RobustnessRecord(
                found.threat,
                {access.value: shown for access, shown in found.by_access.items()},
                found.worst,
                found.success,
                found.any_draw,
                found.challenged,
            )
            for found in score.robustness
        ),
        bits_per_pixel=score.bits_per_pixel,
        milliseconds=score.milliseconds,
        flags=tuple(FlagRecord(flag.name, flag.evidence) for flag in part.flags),
        cells=tuple(
            CellRecord(c.cell.name, c.accuracy, c.gradient_steps, c.queries) for c in score.cells
        ),
        images=ImagesRecord(
            images.images, images.clean, images.transfer, images.worst, images.bits_per_pixel
        ),
    )


def board_record(board: Board) -> BoardRecord:
    """A board for programs."""
    page, one = board.page, board.all[0]
    return BoardRecord(
        schema=SCHEMA,
        slug=page.slug,
        title=page.title,
        track=page.track,
        protocol=page.protocol,
        protocol_hash=page.protocol_hash,
        dataset=page.dataset,
        dataset_fingerprint=page.fingerprint,
        images=page.images,
        headline=one.headline,
        classifiers=page.classifiers,
        rows=tuple(_row(rank, tier, e) for rank, (tier, e) in enumerate(board.tiers, start=1)),
    )


def _row(rank: int, tier: int, entry: Entry) -> RowRecord:
    header = entry.run.header
    return RowRecord(
        rank=rank,
        tier=tier,
        run=entry.run.id,
        entry=header.entry,
        title=header.title,
        kind=header.kind,
        learned=entry.about.learned,
        randomized=entry.randomized,
        clean=mean_figure(entry, "clean"),
        robust=mean_figure(entry, "worst"),
        bits_per_pixel=entry.bits_per_pixel,
        flags=tuple(dict.fromkeys(f.name for part in entry.digest.parts for f in part.flags)),
        page=f"entries/{entry_slug(entry.run)}.html",
    )


def board_csv(board: Board) -> bytes:
    """The board's table, one row an entry."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("clean", "robust")
    bounds = [f"{name}{part}" for name in names for part in ("", "_low", "_high")]
    writer.writerow(["rank", "tier", "run", "entry", "kind", *bounds, "bits_per_pixel", "flags"])
    for row in board_record(board).rows:
        shares = [getattr(row, name) for name in names]
        writer.writerow(
            [
                *(row.rank, row.tier, row.run, harmless(row.entry), harmless(row.kind)),
                *(f"{v:.6f}" for s in shares for v in (s.estimate, s.low, s.high)),
                "" if row.bits_per_pixel is None else f"{row.bits_per_pixel:.6f}",
                " ".join(row.flags),
            ]
        )
    return text.getvalue().encode()


def harmless(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return "'" + name if name[:1] in "=+-@\t\r" else name
