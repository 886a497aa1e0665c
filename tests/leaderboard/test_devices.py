"""Workers of one machine share its GPUs in turns."""

from itertools import islice
from pathlib import Path

import pytest

from leaderboard.engine.devices import VISIBLE, devices, settings
from leaderboard.engine.process import WorkerProcess


@pytest.mark.parametrize(
    ("named", "found"), [(None, ["0", "1", "2"]), ("2,0", ["2", "0"]), ("", [])]
)
def test_gpus_in_turns(
    named: str | None, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)
    if named is not None:
        monkeypatch.setenv(VISIBLE, named)
    for number in range(3):
        (tmp_path / f"0000:0{number}:00.0").mkdir()
    assert devices(tmp_path) == found
    given = [one.get(VISIBLE) for one in islice(settings(tmp_path), 4)]
    assert given == [(found or [None])[i % max(1, len(found))] for i in range(4)]


def test_without_a_driver_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)
    assert devices(tmp_path / "none") == []


def test_a_worker_is_told_its_own() -> None:
    worker = WorkerProcess(1, offline=True, settings={VISIBLE: "7"})
    try:
        told = Path(f"/proc/{worker.number}/environ").read_bytes().split(b"\0")
    finally:
        worker.stop()
    assert f"{VISIBLE}=7".encode() in told
