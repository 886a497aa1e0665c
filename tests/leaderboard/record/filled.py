"""Stores with runs in them that no attack had to be run for."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from benchmark.gallery import png
from benchmark.records import OUTPUT, SOURCE, Challenge, Picture, RunHeader
from benchmark.threat import Norm, ThreatModel
from leaderboard.record import moving
from leaderboard.store import Store
from tests.benchmark.test_score import run as example_run

JUDGED = png(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
RUN = example_run()
RESULT = dataclasses.replace(
    RUN.results[0],
    diagnostics={"decode_failures": 0, "slope": 0.25},
    outcomes=tuple(
        outcome._replace(
            margin=1.5 if outcome.correct else -0.1,
            draws=1,
            png_sha256=hashlib.sha256(JUDGED).hexdigest(),
        )
        for outcome in RUN.results[0].outcomes
    ),
    pictures=tuple(
        Picture(RUN.results[0].outcomes[0].cell, RUN.results[0].outcomes[0].image, role, file)
        for role, file in ((SOURCE, JUDGED), (OUTPUT, png(np.zeros((8, 8, 3), np.uint8))))
    ),
)
CHALLENGE = Challenge(
    at="2026-11-20T12:00:00+00:00",
    by="A. Tester",
    classifier="c",
    threat=ThreatModel(Norm.LINF, 4),
    sha256="5" * 64,
    outcomes=RESULT.outcomes[:2],
    outside={"2": 9.0},
    unchanged=("3",),
    environment={"threads": 1},
)


def header(key: str, **changes: object) -> RunHeader:
    return dataclasses.replace(RUN.header, key=key, **{"dataset": "shapes"} | changes)  # type: ignore[arg-type]


def filled(path: Path, *keys: str) -> Store:
    """A store with a completed run for each key, in this order."""
    store = Store(str(path), create=True)
    for key in keys:
        run_id = store.begin(header(key))
        store.add(run_id, RESULT)
        store.note(run_id, "completed")
    return store


def exported(store: Store, run_id: int, path: Path) -> Path:
    moving.write(moving.record_of(store, run_id), path)
    return path
