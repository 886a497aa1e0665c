"""Runs and boards of the codec track for programs."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from benchmark.codec_track.score import CodecScore
from benchmark.threat import ThreatModel
from leaderboard.render.codec_boards import CodecBoard
from leaderboard.render.codec_digest import CodedImages
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.data import harmless
from leaderboard.render.schema import SCHEMA, FlagRecord
from leaderboard.render.words import entry_slug


@dataclass(frozen=True)
class CodecRunRecord:
    """`data/runs/N.json`: a completed run of the codec track."""

    schema: int
    id: int
    track: str
    submission: str
    variant: str
    title: str
    kind: str
    parameters: dict[str, Any]
    submission_hash: str
    protocol: str
    protocol_hash: str
    dataset: str
    dataset_fingerprint: str
    unofficial_reason: str | None
    started: str
    environment: dict[str, Any]
    headline: ThreatModel
    score: CodecScore
    flags: tuple[FlagRecord, ...]
    images: CodedImages


@dataclass(frozen=True)
class CodecRowRecord:
    """A row of a board of the codec track; losses in dB, rates in bits per pixel."""

    rank: int
    tier: int
    run: int
    entry: str
    title: str
    learned: bool
    randomized: bool
    inflation: float | None
    psnr_loss: float | None
    psnr_loss_percent: float | None
    bits_per_pixel: float | None
    psnr: float | None
    failures: float
    flags: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class CodecBoardRecord:
    """`data/boards/NAME.json`: the ranked entries of a board of the codec track."""

    schema: int
    slug: str
    title: str
    track: str
    protocol: str
    protocol_hash: str
    dataset: str
    dataset_fingerprint: str
    images: int
    headline: ThreatModel
    rows: tuple[CodecRowRecord, ...]


def run_record(entry: CodecEntry) -> CodecRunRecord:
    """A run for programs."""
    header = entry.run.header
    return CodecRunRecord(
        schema=SCHEMA,
        id=entry.run.id,
        track=entry.protocol.track,
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
        score=entry.digest.score,
        flags=tuple(FlagRecord(flag.name, flag.evidence) for flag in entry.digest.flags),
        images=entry.digest.images,
    )


def board_record(board: CodecBoard) -> CodecBoardRecord:
    """A board for programs."""
    page = board.page
    return CodecBoardRecord(
        schema=SCHEMA,
        slug=page.slug,
        title=page.title,
        track=page.track,
        protocol=page.protocol,
        protocol_hash=page.protocol_hash,
        dataset=page.dataset,
        dataset_fingerprint=page.fingerprint,
        images=page.images,
        headline=board.all[0].headline,
        rows=tuple(_row(rank, tier, e) for rank, (tier, e) in enumerate(board.tiers, start=1)),
    )


def _row(rank: int, tier: int, entry: CodecEntry) -> CodecRowRecord:
    score = entry.digest.score
    worst, clean = score.at(entry.headline), score.clean.quality
    percent = worst.psnr_loss_percent if worst else None
    return CodecRowRecord(
        rank=rank,
        tier=tier,
        run=entry.run.id,
        entry=entry.run.header.entry,
        title=entry.run.header.title,
        learned=entry.about.learned,
        randomized=score.draws > 1,
        inflation=worst.inflation.estimate if worst and worst.inflation else None,
        psnr_loss=worst.psnr_loss.estimate if worst and worst.psnr_loss else None,
        psnr_loss_percent=percent.estimate if percent else None,
        bits_per_pixel=clean.bits_per_pixel.estimate if clean.bits_per_pixel else None,
        psnr=clean.psnr.estimate if clean.psnr else None,
        failures=(worst or score.clean).failures.estimate,
        flags=tuple(flag.name for flag in entry.digest.flags),
        page=f"entries/{entry_slug(entry.run)}.html",
    )


NUMBERS = ("inflation", "psnr_loss", "psnr_loss_percent", "bits_per_pixel", "psnr", "failures")


def board_csv(board: CodecBoard) -> bytes:
    """The board's table, one row an entry."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "tier", "run", "entry", *NUMBERS, "flags"])
    for row in board_record(board).rows:
        values = [getattr(row, name) for name in NUMBERS]
        shown = ["" if value is None else f"{value:.6f}" for value in values]
        entry = harmless(row.entry)
        writer.writerow([row.rank, row.tier, row.run, entry, *shown, " ".join(row.flags)])
    return text.getvalue().encode()
