"""The site's JSON files as types; their JSON Schema is made from these."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from benchmark.records import Interval
from benchmark.threat import ThreatModel

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
class RunRecord:
    """`data/runs/N.json`: a completed run. `kind` is that of the submission."""

    schema: int
    id: int
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
    parts: tuple[PartRecord, ...]


@dataclass(frozen=True)
class RowRecord:
    """A row of a board; `tier` is None for what is not ranked, `rank` is the row's place."""

    rank: int
    tier: int | None
    run: int
    entry: str
    title: str
    kind: str
    learned: bool
    randomized: bool
    clean: Interval
    robust: Interval
    bits_per_pixel: float | None
    flags: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class BoardRecord:
    """`data/boards/NAME.json`: the ranked entries of a board, the best first."""

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
    classifiers: tuple[str, ...]
    rows: tuple[RowRecord, ...]


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
