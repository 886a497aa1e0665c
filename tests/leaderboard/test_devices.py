"""Workers of one machine share its GPUs in turns."""

import json
from pathlib import Path

import pytest
import torch

from benchmark.device_share import VARIABLE as SHARE_VARIABLE
from benchmark.device_share import device_share
from benchmark.places import cache_folder
from leaderboard.cli.options import workers_for
from leaderboard.engine.devices import PER_GPU, VISIBLE, at_once, devices, settings, workers_on
from leaderboard.engine.memory import FOR_ITSELF, fitting_of, hold
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
    given = [one.get(VISIBLE) for one in settings(4, tmp_path)]
    assert given == [(found or [None])[i % max(1, len(found))] for i in range(4)]


def test_who_shares_a_gpu_shares_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five workers on two GPUs: three have the first one."""
    monkeypatch.setenv(VISIBLE, "0,1")
    monkeypatch.setenv(SHARE_VARIABLE, "0.6")
    shares = [float(one[SHARE_VARIABLE]) for one in settings(5, tmp_path)]
    assert shares == pytest.approx([0.2, 0.3, 0.2, 0.3, 0.2])
    monkeypatch.setenv(SHARE_VARIABLE, settings(5, tmp_path)[0][SHARE_VARIABLE])
    assert device_share() == pytest.approx(0.2)


def test_two_workers_a_gpu_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "0,1,2")
    assert workers_for(None, "cuda") == 3 * PER_GPU == workers_on("cuda NVIDIA H200", 3)
    assert workers_for(1, "cuda") == 1 == workers_on("cpu")


@pytest.mark.parametrize(
    ("device", "workers", "gpus", "expected"),
    [
        ("cpu", 2, 0, 2),
        ("cuda NVIDIA H200", 8, 4, 4),  # two on each
        ("cuda NVIDIA H200", 4, 4, 4),  # each has its own
        ("cuda NVIDIA H200", 1, 4, 1),
        ("cuda NVIDIA H200", 20, 10, 10),  # ten parts of a plan
        ("cuda NVIDIA H200", 8, 0, 4),  # on a cluster, seen from a machine without one
    ],
)
def test_workers_that_wait_for_no_other(
    device: str, workers: int, gpus: int, expected: int
) -> None:
    assert at_once(device, workers, gpus) == expected


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


def test_what_fits_a_device_is_kept_for_the_next_worker() -> None:
    def work(part: slice) -> int:
        if part.stop - part.start > 3:
            raise torch.OutOfMemoryError("planted")
        return part.stop - part.start

    device = torch.device("cpu")
    hold(device, sandboxed=True)  # there is nothing to hold
    assert fitting_of(device, "jpeg/q50").split(["pgd"], 8, 8, work, work) == [3, 3, 2]
    kept = json.loads((cache_folder("fitting") / "pictures.json").read_text())
    assert kept[f"cpu; {torch.__version__}; jpeg/q50; pgd"] == 3
    again = fitting_of(device, "jpeg/q50")
    assert again.split(["pgd"], 4, 4, work, work) == [3, 1]
    assert again.refused == []


@pytest.mark.gpu
@pytest.mark.parametrize(("sandboxed", "part"), [(False, 1.0), (True, FOR_ITSELF)])
def test_a_worker_keeps_to_its_share(
    sandboxed: bool, part: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = torch.device("cuda")
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    monkeypatch.setenv(SHARE_VARIABLE, "0.1")
    hold(device, sandboxed=sandboxed)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(int(0.1 * part * total) + 2**21, dtype=torch.uint8, device=device)
        torch.empty(int(0.05 * part * total), dtype=torch.uint8, device=device)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
