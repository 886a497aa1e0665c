"""The site's JSON files as types; their JSON Schema is made from these."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from benchmark.codec_track.score import CodecScore
from benchmark.records import Interval
from benchmark.threat import ThreatModel
from leaderboard.render.codec_digest import CodedImages

SCHEMA = 1
"""Grows when a field is renamed, removed or changes its meaning; new fields do not count."""


@dataclass(frozen=True)
class RobustnessRecord:
    """Shares at one threat model; by access, in the worst case, and with challenges."""

    threat: ThreatModel
    by_access: dict[str, Interval]
    worst: Interval
    attack_success: Interval | None
    wrong_in_any_draw: Interval | None
    challenged: Interval | None


@dataclass(frozen=True)
class CellRecord:
    """One attack alone."""

    name: str
    accuracy: Interval
    gradient_steps: float
    queries: float


@dataclass(frozen=True)
class FlagRecord:
    """A flag with its evidence."""

    name: str
    evidence: str


@dataclass(frozen=True)
class ImagesRecord:
    """Of each image, in the order of the sample: shares of right draws at the headline."""

    ids: tuple[str, ...]
    clean: tuple[float, ...]
    transfer: tuple[float, ...]
    worst: tuple[float, ...]
    bits_per_pixel: tuple[float, ...]


@dataclass(frozen=True)
class PartRecord:
    """A run before one classifier."""

    classifier: str
    clean: Interval
    robustness: tuple[RobustnessRecord, ...]
    bits_per_pixel: Interval | None
    milliseconds: float
    flags: tuple[FlagRecord, ...]
    cells: tuple[CellRecord, ...]
    images: ImagesRecord


@dataclass(frozen=True)
class RunHead:
    """What the record of a run of either track begins with; `kind` is that of the submission."""

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


@dataclass(frozen=True)
class RunRecord(RunHead):
    """`data/runs/N.json`: a completed run of the classifier track."""

    parts: tuple[PartRecord, ...]


@dataclass(frozen=True)
class CodecRunRecord(RunHead):
    """`data/runs/N.json`: a completed run of the codec track."""

    score: CodecScore
    flags: tuple[FlagRecord, ...]
    images: CodedImages


@dataclass(frozen=True)
class RowRecordHead:
    """What a row of a board of either track says of its entry; `rank` is the row's place."""

    rank: int
    tier: int
    run: int
    entry: str
    title: str
    kind: str
    learned: bool
    randomized: bool
    flags: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class RowRecord(RowRecordHead):
    """A row of a board of the classifier track."""

    clean: Interval
    robust: Interval
    bits_per_pixel: float | None


@dataclass(frozen=True)
class CodecRowRecord(RowRecordHead):
    """A row of a board of the codec track; losses in dB, rates in bits per pixel."""

    inflation: float | None
    psnr_loss: float | None
    psnr_loss_percent: float | None
    bits_per_pixel: float | None
    psnr: float | None
    failures: float


@dataclass(frozen=True)
class BoardRecordHead:
    """What the record of a board of either track begins with."""

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


@dataclass(frozen=True)
class BoardRecord(BoardRecordHead):
    """`data/boards/NAME.json`: the ranked entries of a board, the best first."""

    classifiers: tuple[str, ...]
    rows: tuple[RowRecord, ...]


@dataclass(frozen=True)
class CodecBoardRecord(BoardRecordHead):
    """`data/boards/NAME.json`: the ranked entries of a board of the codec track."""

    rows: tuple[CodecRowRecord, ...]


@dataclass(frozen=True)
class IndexRecord:
    """`data/index.json`: what there is."""

    schema: int
    boards: tuple[str, ...]
    runs: tuple[int, ...]
    database: str | None


ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def adapter(kind: type) -> TypeAdapter[Any]:
    """What writes records of that kind and their schema, made once."""
    if kind not in ADAPTERS:
        ADAPTERS[kind] = TypeAdapter(kind)
    return ADAPTERS[kind]


def as_json(record: Any) -> bytes:
    """A record as a file; equal records are equal bytes."""
    content = adapter(type(record)).dump_python(record, mode="json")
    return (json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n").encode()


def schema(kinds: Mapping[str, type]) -> bytes:
    """The JSON Schema of each kind of file."""
    content = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"squeezebench data, version {SCHEMA}",
        **{name: adapter(kind).json_schema(mode="serialization") for name, kind in kinds.items()},
    }
    return (json.dumps(content, sort_keys=True, indent=1) + "\n").encode()
