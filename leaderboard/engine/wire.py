"""The messages between the driver and its workers: one JSON object a line, no pickles."""

from dataclasses import asdict, dataclass
from typing import Any

from benchmark.records import Cell, ClassifierRecord, Outcome, Shard, ShardResult
from benchmark.threat import Access


@dataclass(frozen=True)
class Job:
    """One variant of a submission under one protocol, on one device.

    `protocol` is the protocol's content, `beside` the folders for its relative paths.
    """

    protocol: dict[str, Any]
    beside: tuple[str, ...]
    source: str
    class_name: str
    kind: str
    gradient: str
    parameters: dict[str, Any]
    device: str


@dataclass(frozen=True)
class Opened:
    """What a worker found when it made a job ready."""

    dataset: str
    fingerprint: str
    images: int
    classifiers: tuple[ClassifierRecord, ...]
    cells: tuple[Cell, ...]
    device: str


def opened_from(content: dict[str, Any]) -> Opened:
    """The message `Opened` as it came over the wire."""
    classifiers = tuple(ClassifierRecord(**record) for record in content.pop("classifiers"))
    cells = tuple(Cell(access=Access(cell.pop("access")), **cell) for cell in content.pop("cells"))
    return Opened(classifiers=classifiers, cells=cells, **content)


def result_to(result: ShardResult) -> dict[str, Any]:
    """A shard's result for the wire."""
    return asdict(result)


def result_from(content: dict[str, Any]) -> ShardResult:
    """A shard's result as it came over the wire."""
    return ShardResult(
        shard=Shard(**content["shard"]),
        outcomes=tuple(Outcome(**outcome) for outcome in content["outcomes"]),
        seconds=content["seconds"],
        defense_seconds=content["defense_seconds"],
    )
