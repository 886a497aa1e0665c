"""Records: the same run is the same bytes, comes back as it was, and is never believed."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import CallError, DataError, StoreError
from leaderboard.record.files import RecordFiles
from leaderboard.record.moving import merge, read, record_of
from leaderboard.record.publishing import dump_sha256
from leaderboard.store import Store
from tests.leaderboard.record.filled import CHALLENGE, RESULT, exported, filled, header


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "runs.db", "k1", "k2")


@pytest.fixture
def target(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "target.db"), create=True)


def test_a_run_comes_back_as_it_was(store: Store, target: Store, tmp_path: Path) -> None:
    store.challenge(2, [CHALLENGE])
    path = exported(store, 2, tmp_path / "run.json")
    merged = merge(target, read(path), path)
    back, run = target.run(merged.run_id), store.run(2)
    assert back.header == run.header
    assert back.results == run.results
    assert back.challenges == run.challenges
    assert (back.started, back.status) == (run.started, run.status)


def test_the_whole_database_comes_back_byte_for_byte(
    store: Store, target: Store, tmp_path: Path
) -> None:
    store.challenge(2, [CHALLENGE])
    for run_id in (1, 2):
        merge(target, record_of(store, run_id), "a record")
    assert dump_sha256(tmp_path / "target.db") == dump_sha256(tmp_path / "runs.db")


def test_equal_runs_are_equal_bytes(store: Store, target: Store) -> None:
    first = record_of(store, 1)
    assert record_of(store, 1) == first
    merge(target, first, "a record")
    assert record_of(target, 1) == first
    assert first.sha256 == hashlib.sha256(first.text).hexdigest()
    named = json.loads(first.text)["outcomes"]
    assert named["sha256"] == hashlib.sha256(first.outcomes).hexdigest()
    assert named["rows"]["outcomes"] == len(RESULT.outcomes)


def test_the_outcomes_are_arrays_that_anybody_reads(store: Store) -> None:
    with np.load(io.BytesIO(record_of(store, 1).outcomes), allow_pickle=False) as arrays:
        margins = arrays["outcomes.margin"]
        assert margins.tolist() == [outcome.margin for outcome in RESULT.outcomes]
        bits = [None if o.bits is None else o.bits for o in RESULT.outcomes]
        assert arrays["outcomes.bits.null"].tolist() == [bit is None for bit in bits]


def test_the_same_record_again_adds_nothing(store: Store, target: Store, tmp_path: Path) -> None:
    files = record_of(store, 1)
    assert merge(target, files, "a record").added > len(RESULT.outcomes)
    before = dump_sha256(tmp_path / "target.db")
    assert merge(target, files, "a record").added == 0
    assert dump_sha256(tmp_path / "target.db") == before


def test_a_run_that_went_on_gets_what_it_lacks(tmp_path: Path, target: Store) -> None:
    store = Store(str(tmp_path / "grows.db"), create=True)
    run_id = store.begin(header("k"))
    early = record_of(store, run_id)
    merge(target, early, "early")
    store.add(run_id, RESULT)
    store.note(run_id, "completed")
    store.challenge(run_id, [CHALLENGE])
    late = record_of(store, run_id)
    assert merge(target, late, "late").added == len((*RESULT.outcomes, *RESULT.pictures)) + 3
    assert record_of(target, 1) == late
    assert merge(target, early, "early").added == 0  # what it says is there


def test_a_contradiction_is_refused(store: Store, target: Store, tmp_path: Path) -> None:
    merge(target, record_of(store, 1), "a record")
    before = dump_sha256(tmp_path / "target.db")

    def other_seconds(content: dict[str, Any]) -> None:
        content["shards"][0]["seconds"] += 1

    with pytest.raises(StoreError, match=r"contradicts run 1 of .*supersedes the old one"):
        merge(target, changed(record_of(store, 1), other_seconds), "a record")
    assert dump_sha256(tmp_path / "target.db") == before


def changed(files: RecordFiles, change: Any) -> RecordFiles:
    content = json.loads(files.text)
    change(content)
    return RecordFiles(json.dumps(content).encode(), files.outcomes)


def put(*keys: object, value: object) -> Any:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("schema", value=9), "is a record of schema 9; this squeezebench reads 1"),
        (put("extra", value=1), "expected the keys"),
        (put("run", "images", value="10"), r"run\.images: is str, expected int"),
        (put("run", "images", value=True), r"run\.images: is bool, expected int"),
        (put("run", "title", value="a\x1b[31mb"), "title: holds a control character"),
        (put("run", "title", value=None), r"run\.title: is null"),
        (put("run", "key", value="k" * 99), "key: has 99 characters, expected at most 64"),
        (put("run", "environment", value="x"), "expected an object or a list"),
        (put("cells", 0, "position", value=3), "cells: they are not in order"),
        (put("cells", 0, value=[]), r"cells\[0\]: expected the keys"),
        (put("shards", 0, "stop", value=1), "an outcome belongs to no shard or cell"),
        (put("shards", value={}), "shards: expected a list"),
        (put("events", value=[]), "events: expected at least one"),
        (put("outcomes", "sha256", value="0" * 64), "another sha256 than it says"),
        (put("outcomes", value=3), "outcomes: expected sha256, bytes and rows"),
        (put("outcomes", "rows", value={"outcomes": 1}), r"outcomes (codec_)?outcomes"),
    ],
)
def test_a_record_that_is_not_what_it_says(
    store: Store, target: Store, change: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        merge(target, changed(record_of(store, 1), change), "a record")
    assert target.runs() == []


def with_arrays(files: RecordFiles, **arrays: Any) -> RecordFiles:
    """The record with other arrays, which it names by their right hash."""
    with np.load(io.BytesIO(files.outcomes)) as given:
        members = {name: given[name] for name in given.files} | {
            name.replace("__", "."): array for name, array in arrays.items()
        }
    archive = io.BytesIO()
    np.savez(archive, **{name: array for name, array in members.items() if array is not None})
    return rehashed(files, archive.getvalue())


def rehashed(files: RecordFiles, outcomes: bytes) -> RecordFiles:
    digest = hashlib.sha256(outcomes).hexdigest()
    return RecordFiles(changed(files, put("outcomes", "sha256", value=digest)).text, outcomes)


N = len(RESULT.outcomes)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"outcomes__margin": np.full(N, np.nan)}, "not finite"),
        ({"outcomes__margin": np.zeros(N, np.int64)}, "outcomes.margin: is int64"),
        ({"outcomes__margin": None}, "missing or unknown: outcomes.margin"),
        ({"outcomes__strange": np.zeros(N)}, "missing or unknown: outcomes.strange"),
        ({"outcomes__cell_id": np.full(N, 99)}, "belongs to no shard or cell"),
        ({"outcomes__shard_id": np.full(N, -1)}, "belongs to no shard or cell"),
        ({"outcomes__image": np.full(N, RESULT.outcomes[0].image.encode())}, "comes twice"),
        ({"outcomes__draws_correct": np.full(N, 7)}, "more draws are correct than there are"),
        ({"outcomes__correct": np.array([not o.correct for o in RESULT.outcomes])}, "own margin"),
        ({"outcomes__margin": np.array([object()] * N)}, "cannot be read"),
    ],
)
def test_outcomes_that_cannot_be(
    store: Store, target: Store, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        merge(target, with_arrays(record_of(store, 1), **arrays), "a record")
    assert target.runs() == []


def test_outcomes_that_are_no_archive_or_too_much(store: Store, target: Store) -> None:
    files = record_of(store, 1)
    with pytest.raises(DataError, match="cannot be read"):
        merge(target, rehashed(files, b"PK no archive"), "a record")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * 1000)
    raw = bytearray(bomb.getvalue())
    at = raw.rfind(b"PK\x01\x02")  # the directory says that the member has 4 GiB
    raw[at + 24 : at + 28] = (2**32 - 2).to_bytes(4, "little")
    with pytest.raises(DataError, match="unpack to too much"):
        merge(target, rehashed(files, bytes(raw)), "a record")


def test_a_record_is_two_files(store: Store, tmp_path: Path) -> None:
    path = exported(store, 1, tmp_path / "run.json")
    (tmp_path / "run.npz").unlink()
    with pytest.raises(DataError, match=r"a record is two files, run\.json and run\.npz"):
        read(path)


def test_a_run_that_is_not_there(store: Store) -> None:
    with pytest.raises(CallError, match="run 7 is not in the database; stored: 1, 2"):
        record_of(store, 7)
