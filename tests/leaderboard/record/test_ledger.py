"""The published records: a ledger that only grows, and the database made from it."""

import json
import subprocess
from pathlib import Path

import pytest

from benchmark.errors import DataError
from leaderboard.record.git import committed_ledger, push_results
from leaderboard.record.ledger import LEDGER, entries, grown_from, verified
from leaderboard.record.moving import read
from leaderboard.record.publishing import Expected, dump_sha256, publish, rebuild
from leaderboard.store import Store
from tests.leaderboard.commands import complaint, succeed
from tests.leaderboard.record.filled import exported, filled


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def published(tmp_path: Path, results: Path, key: str, **more: str) -> str:
    """Publish a run of this key; the sha256 of its record."""
    store = filled(tmp_path / f"{key}.db", key)
    path = exported(store, 1, tmp_path / f"{key}.json")
    sha256 = read(path).sha256
    entry = publish(path, Expected(sha256, unofficial=True, **more), results)
    assert entry.record == sha256
    return sha256


def test_records_are_added_and_verified(tmp_path: Path, results: Path) -> None:
    shas = [published(tmp_path, results, key) for key in ("a", "b")]
    assert [entry.record for entry in entries(results)] == shas
    assert [files.sha256 for _, files in verified(results)] == shas
    assert published(tmp_path, results, "a") == shas[0]  # again: nothing is added
    assert len(entries(results)) == 2


def test_the_database_is_made_from_the_records_alone(tmp_path: Path, results: Path) -> None:
    for key in ("b", "a"):
        published(tmp_path, results, key)
    first = rebuild(results, tmp_path / "1.db")
    assert rebuild(results, tmp_path / "2.db") == first
    assert (tmp_path / "1.db").read_bytes() == (tmp_path / "2.db").read_bytes()
    assert rebuild(results, tmp_path / "1.db") == first == dump_sha256(tmp_path / "1.db")
    assert [run.header.key for run in Store(str(tmp_path / "1.db")).runs()] == ["b", "a"]
    again = Store(str(tmp_path / "again.db"), create=True)
    for run in (1, 2):
        store = Store(str(tmp_path / "1.db"))
        path = exported(store, run, tmp_path / f"again{run}.json")
        succeed("import", path, "--db", tmp_path / "again.db")
    assert [run.header.key for run in again.runs()] == ["b", "a"]
    assert dump_sha256(tmp_path / "again.db") == first


def test_a_correction_supersedes_and_removes_nothing(tmp_path: Path, results: Path) -> None:
    wrong = published(tmp_path, results, "wrong")
    published(tmp_path, results, "right", supersedes=wrong, reason="seeds were equal")
    rebuild(results, tmp_path / "r.db")
    old, new = Store(str(tmp_path / "r.db")).runs()
    assert (old.status, old.detail) == ("superseded", "by run 2: seeds were equal")
    assert (new.status, new.header.key) == ("completed", "right")
    assert len(verified(results)) == 2


def test_what_was_tampered_with_is_noticed(tmp_path: Path, results: Path) -> None:
    published(tmp_path, results, "a")
    published(tmp_path, results, "b")
    ledger = (results / LEDGER).read_text()
    first = results / entries(results)[0].file
    text = first.read_text()
    first.write_text(text.replace('"images": 5', '"images": 6'))
    with pytest.raises(DataError, match="was changed after it was added"):
        verified(results)
    first.write_text(text)
    for broken in (ledger.splitlines(True)[1], ledger.replace('"reason": ""', '"reason": "x"', 1)):
        (results / LEDGER).write_text(broken)
        with pytest.raises(DataError, match="does not follow the line before"):
            verified(results)
        with pytest.raises(DataError, match="does not begin with the published ledger"):
            grown_from(ledger, results)
    (results / LEDGER).write_text(ledger)
    (results / "stray.json").write_text("{}")
    with pytest.raises(DataError, match=r"stray\.json is in no line of the ledger"):
        verified(results)
    (results / "stray.json").unlink()
    first.unlink()
    with pytest.raises(DataError, match="is missing; a record is two files"):
        verified(results)


def test_what_is_not_published(tmp_path: Path, results: Path) -> None:
    store = filled(tmp_path / "r.db", "k")
    path = exported(store, 1, tmp_path / "r.json")
    sha256 = read(path).sha256
    for expected, message in (
        (Expected("0" * 64), "it is not the file that the evaluation made"),
        (Expected(sha256, submission_hash="0" * 64), "made from another folder"),
        (Expected(sha256), "is no built-in protocol"),
        (Expected(sha256, unofficial=True, supersedes="1" * 64), "no published record has"),
    ):
        with pytest.raises(DataError, match=message):
            publish(path, expected, results)
    store.note(1, "failed", "because")
    path = exported(store, 1, tmp_path / "failed.json")
    with pytest.raises(DataError, match="the run is failed, expected completed"):
        publish(path, Expected(read(path).sha256, unofficial=True), results)
    assert entries(results) == []


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_only_the_records_are_committed_and_pushed(tmp_path: Path) -> None:
    bare, work = tmp_path / "bare.git", tmp_path / "work"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git(tmp_path, "clone", "--quiet", str(bare), str(work))
    (work / "stray.txt").write_text("not to be committed")
    results = work / "results"
    (work / "first").write_text("1")
    git(work, "add", "first")
    git(work, "-c", "user.name=t", "-c", "user.email=t@t.tt", "commit", "--quiet", "-m", "first")
    published(tmp_path, results, "a")
    assert push_results(results, "Add a", "origin", "main").startswith("pushed ")
    listed = git(bare, "ls-tree", "-r", "--name-only", "main").split()
    names = {Path(name).name for name in listed}
    assert names == {"first", LEDGER, "00001-p-s-v.json", "00001-p-s-v.npz"}
    assert push_results(results, "Again", "origin", "main").startswith("nothing was added")
    assert committed_ledger(results, "HEAD") == (results / LEDGER).read_text()
    assert committed_ledger(results, "HEAD~1") == ""
    (results / LEDGER).write_text("")
    with pytest.raises(DataError):
        push_results(results, "Remove", "origin", "main")


def test_the_command_line(tmp_path: Path, results: Path) -> None:
    store = filled(tmp_path / "r.db", "k")
    sha256 = succeed("export", 1, "-o", tmp_path / "r.json", "--db", tmp_path / "r.db").strip()
    assert sha256 == read(tmp_path / "r.json").sha256
    call = ("results", "add", tmp_path / "r.json", "--sha256", sha256, "--results", results)
    assert "is no built-in protocol" in complaint(*call, code=1)
    assert "is record 1" in succeed(*call, "--unofficial")
    assert "1 records" in succeed("results", "verify", "--results", results)
    db = tmp_path / "out" / "published.db"
    said = succeed("results", "rebuild", "--results", results, "--db", db)
    assert said.strip().endswith(dump_sha256(db))
    imported = ("import", tmp_path / "r.json", "--db", tmp_path / "new.db")
    assert "rows added" in succeed(*imported)
    assert "all of it was there already" in succeed(*imported)
    (listed,) = json.loads(succeed("runs", "--json", "--db", tmp_path / "new.db"))
    assert listed["started"] == store.runs()[0].started
    assert "is missing; a record is two" in complaint("import", tmp_path / "no.json", code=1)


def test_the_projects_own_records() -> None:
    assert "each as it was added" in succeed("results", "verify")
