"""The site's figures for programs: runs and boards as JSON, boards as CSV; both tracks."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from leaderboard.render.boards import Board
from leaderboard.render.codec_boards import CodecBoard
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.entry import Entry, mean_figure
from leaderboard.render.judged import JudgedRun
from leaderboard.render.pages import BoardHead
from leaderboard.render.schema import (
    SCHEMA,
    BoardRecord,
    BoardRecordHead,
    CellRecord,
    CodecBoardRecord,
    CodecRowRecord,
    CodecRunRecord,
    FlagRecord,
    ImagesRecord,
    PartRecord,
    RobustnessRecord,
    RowRecord,
    RowRecordHead,
    RunHead,
    RunRecord,
)
from leaderboard.render.words import entry_slug

SHARES = ("clean", "robust")
NUMBERS = ("inflation", "psnr_loss", "psnr_loss_percent", "bits_per_pixel", "psnr", "failures")


def run_record(entry: Entry) -> RunRecord:
    """A run for programs."""
    parts = tuple(_part(entry, i) for i in range(len(entry.digest.parts)))
    return RunRecord(**vars(_run_head(entry)), parts=parts)


def codec_run_record(entry: CodecEntry) -> CodecRunRecord:
    """A run of the codec track for programs."""
    return CodecRunRecord(
        **vars(_run_head(entry)),
        score=entry.digest.score,
        flags=tuple(FlagRecord(flag.name, flag.evidence) for flag in entry.digest.flags),
        images=entry.digest.images,
    )


def _run_head(entry: JudgedRun[Any, Any]) -> RunHead:
    header = entry.run.header
    return RunHead(
        schema=SCHEMA,
        id=entry.run.id,
        track=header.track,
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
    return BoardRecord(
        **vars(_board_head(board.page, board.all[0])),
        classifiers=board.page.classifiers,
        rows=tuple(_row(rank, tier, e) for rank, (tier, e) in enumerate(board.tiers, start=1)),
    )


def codec_board_record(board: CodecBoard) -> CodecBoardRecord:
    """A board of the codec track for programs."""
    return CodecBoardRecord(
        **vars(_board_head(board.page, board.all[0])),
        rows=tuple(
            _codec_row(rank, tier, e) for rank, (tier, e) in enumerate(board.tiers, start=1)
        ),
    )


def _board_head(page: BoardHead, one: JudgedRun[Any, Any]) -> BoardRecordHead:
    return BoardRecordHead(
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
    )


def _row_head(rank: int, tier: int, entry: JudgedRun[Any, Any]) -> RowRecordHead:
    header = entry.run.header
    return RowRecordHead(
        rank=rank,
        tier=tier,
        run=entry.run.id,
        entry=header.entry,
        title=header.title,
        kind=header.kind,
        learned=entry.about.learned,
        randomized=entry.randomized,
        flags=entry.flags,
        page=f"entries/{entry_slug(entry.run)}.html",
    )


def _row(rank: int, tier: int, entry: Entry) -> RowRecord:
    return RowRecord(
        **vars(_row_head(rank, tier, entry)),
        clean=mean_figure(entry, "clean"),
        robust=mean_figure(entry, "worst"),
        bits_per_pixel=entry.bits_per_pixel,
    )


def _codec_row(rank: int, tier: int, entry: CodecEntry) -> CodecRowRecord:
    score = entry.digest.score
    worst, clean = score.at(entry.headline), score.clean.quality
    percent = worst.psnr_loss_percent if worst else None
    return CodecRowRecord(
        **vars(_row_head(rank, tier, entry)),
        inflation=worst.inflation.estimate if worst and worst.inflation else None,
        psnr_loss=worst.psnr_loss.estimate if worst and worst.psnr_loss else None,
        psnr_loss_percent=percent.estimate if percent else None,
        bits_per_pixel=clean.bits_per_pixel.estimate if clean.bits_per_pixel else None,
        psnr=clean.psnr.estimate if clean.psnr else None,
        failures=(worst or score.clean).failures.estimate,
    )


def board_csv(board: Board) -> bytes:
    """The board's table, one row an entry."""
    names = [f"{name}{part}" for name in SHARES for part in ("", "_low", "_high")]
    rows = board_record(board).rows
    figures = (
        [
            *(v for name in SHARES for v in vars(getattr(row, name)).values()),
            row.bits_per_pixel,
        ]
        for row in rows
    )
    return _csv((*names, "bits_per_pixel"), zip(rows, figures, strict=True))


def codec_board_csv(board: CodecBoard) -> bytes:
    """The same of the codec track."""
    rows = codec_board_record(board).rows
    return _csv(NUMBERS, ((row, [getattr(row, name) for name in NUMBERS]) for row in rows))


def _csv(
    names: Sequence[str], rows: Iterable[tuple[RowRecordHead, Sequence[float | None]]]
) -> bytes:
    """Rows with the figures of these names; what has no figure is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "tier", "run", "entry", "kind", *names, "flags"])
    for row, figures in rows:
        said = ["" if figure is None else f"{figure:.6f}" for figure in figures]
        named = (row.rank, row.tier, row.run, _harmless(row.entry), _harmless(row.kind))
        writer.writerow([*named, *said, " ".join(row.flags)])
    return text.getvalue().encode()


def _harmless(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return "'" + name if name[:1] in "=+-@\t\r" else name
