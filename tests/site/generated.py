"""A database of many made-up runs with the real schema and outcomes that hang together.

Every entry has a strength, every image a difficulty and every attack a force; an image stands where
strength outweighs both. So larger balls break more, entries correlate over images, and tiers exist.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.protocol import CLEAN_CELL, Protocol, load, planned_cells
from benchmark.records import (
    Cell,
    ClassifierRecord,
    Outcome,
    RunHeader,
    Shard,
    ShardResult,
)
from benchmark.threat import Access
from leaderboard.store import Store

PROTOCOL = "mini-classifier-v1"
ESTIMATORS = ("bare", "none", "surrogate", "identity")
FORCE = {Access.NONE: 0.2, Access.TRANSFER: 0.4, Access.QUERY: 0.6, Access.WHITE_BOX: 1.4}
ENVIRONMENT = {
    "commit": "0" * 40,
    "code": "c" * 64,
    "packages": {"torch": "2.15.0", "numpy": "1.26.4"},
    "python": "3.11.7",
    "system": "Linux",
    "processor": "made up",
    "cores": 2,
    "device": "cpu",
    "threads": 1,
    "crafting": "fp32",
    "sandboxed": False,
}
SIDE = 64


@dataclass(frozen=True)
class Entry:
    """A made-up submission's setting."""

    submission: str
    variant: str
    strength: float
    bits_per_pixel: float | None
    randomized: bool
    status: str = "completed"
    unofficial: str | None = None


def entries(n: int) -> list[Entry]:
    """`n` entries: codecs with eight settings each, purifiers, randomized ones, a few failures."""
    draws = np.random.default_rng(7)
    found = []
    while len(found) < n:
        family = len(found) // 8
        base = draws.normal(0.0, 0.9)
        for setting in range(8):
            codec = family % 3 != 2
            found.append(
                Entry(
                    submission=f"{'codec' if codec else 'purifier'}-{family:03d}",
                    variant=f"q{setting + 1}",
                    strength=base - 0.08 * setting,
                    bits_per_pixel=0.08 * 1.7**setting * math.exp(0.1 * base) if codec else None,
                    randomized=family % 10 == 5,
                    status="failed" if len(found) % 97 == 96 else "completed",
                    unofficial="limited to 12 of 24 images" if len(found) % 61 == 60 else None,
                )
            )
    return found[:n]


def cells_of(protocol: Protocol) -> tuple[Cell, ...]:
    """What such a defense admits of the protocol."""
    admitted = (
        planned.cell
        for planned in planned_cells(protocol)
        if planned.cell.estimator in ESTIMATORS and planned.cell.access is not Access.EOT
    )
    return (CLEAN_CELL, *admitted)


def fill(store: Store, made: list[Entry], images: int = 24) -> None:
    """Add a run for each entry."""
    protocol = load(PROTOCOL)
    cells = cells_of(protocol)
    difficulty = np.random.default_rng(3).normal(0.0, 1.0, images)
    for number, entry in enumerate(made):
        header = header_of(protocol, entry, number, images, cells)
        run_id = store.begin(header)
        if entry.status == "completed":
            for classifier in header.classifiers:
                store.add(run_id, result(entry, classifier.name, cells, difficulty, number))
        store.note(
            run_id, entry.status, "the worker ran out of memory" * (entry.status == "failed")
        )


def header_of(
    protocol: Protocol, entry: Entry, number: int, images: int, cells: tuple[Cell, ...]
) -> RunHeader:
    quality = int(entry.variant[1:]) * 10
    return RunHeader(
        key=f"{number:064x}",
        submission=entry.submission,
        variant=entry.variant,
        title=f"Made-up {entry.submission}",
        kind="codec" if entry.bits_per_pixel else "purifier",
        parameters={"quality": quality},
        submission_hash=f"{number:064x}",
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        protocol_content=protocol.model_dump(mode="json", by_alias=True),
        dataset="shapes",
        dataset_fingerprint="f" * 64,
        images=images,
        unofficial_reason=entry.unofficial,
        classifiers=tuple(
            ClassifierRecord(spec.name, "a" * 64, SIDE, SIDE, 10) for spec in protocol.classifiers
        ),
        cells=cells,
        environment=ENVIRONMENT,
    )


def result(
    entry: Entry, classifier: str, cells: tuple[Cell, ...], difficulty: np.ndarray, number: int
) -> ShardResult:
    """One shard with every outcome of the entry before the classifier."""
    draws = np.random.default_rng((number, len(classifier)))
    luck = draws.normal(0.0, 0.35, len(difficulty))
    outcomes = []
    for cell in cells:
        n = cell.images or len(difficulty)
        size = math.log2(1 + (cell.radius or 0.0) / (1 if cell.norm == "linf" else 0.12))
        force = FORCE[cell.access] + 0.6 * size
        force += 0.05 * math.log10(1 + (cell.steps or 1)) + 0.15 * (cell.estimator == "identity")
        margins = 2.6 + 1.3 * entry.strength - 0.55 * difficulty[:n] + luck[:n] - force
        for i, margin in enumerate(margins):
            outcomes.append(outcome(entry, classifier, cell, i, float(margin)))
    diagnostics = {"randomness_max": 0.2} if number % 37 == 5 else {}
    seconds = float(draws.uniform(20, 60))
    return ShardResult(
        Shard(classifier, 0, len(difficulty)), tuple(outcomes), seconds, seconds / 500, diagnostics
    )


def outcome(entry: Entry, classifier: str, cell: Cell, i: int, margin: float) -> Outcome:
    count = 20 if entry.randomized else 1
    right = round(count / (1 + math.exp(-4 * margin))) if entry.randomized else int(margin > 0)
    rate = entry.bits_per_pixel
    return Outcome(
        classifier=classifier,
        cell=cell.name,
        image=f"shapes-{i:04d}",
        correct=2 * right > count,
        predicted=3,
        margin=margin,
        linf=int(cell.radius or 0) if cell.norm == "linf" else 9,
        l2=0.5,
        bits=None if rate is None else int(rate * SIDE * SIDE * (1 + 0.02 * (i % 5 - 2))),
        gradient_steps=cell.steps or 0,
        queries=cell.queries or cell.steps or 1,
        png_sha256=f"{i:064x}",
        draws=count,
        draws_correct=right,
    )


def database(path: Path, runs: int, images: int = 24) -> Store:
    """A database of `runs` runs at `path`."""
    store = Store(str(path), create=True)
    made = entries(runs * 9 // 10)
    # Every tenth run is an older one of an entry that has a newer one.
    again = [replace(entry, strength=entry.strength + 0.1) for entry in made[: runs - len(made)]]
    fill(store, made + again, images)
    return store
