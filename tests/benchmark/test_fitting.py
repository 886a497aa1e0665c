"""What fits a device is found by bisection and remembered; the figures do not depend on it."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark import classifiers
from benchmark.codec_track.crafting import craft
from benchmark.codecs.pillow import Jpeg
from benchmark.datasets import Sample
from benchmark.defense import Coded
from benchmark.device_share import VARIABLE as SHARE_VARIABLE
from benchmark.device_share import device_share
from benchmark.errors import CallError, EngineError
from benchmark.evaluate import Declared, Harness
from benchmark.fitting import Fitting, bisected, device_is_full
from benchmark.protocol import PlannedCell, Protocol, codec_cells, load
from benchmark.records import Shard
from benchmark.tensors import Images
from benchmark.transfers import to_device, to_host

EACH = 2**27
SHORT = f"""
import errno, json, mmap, resource, sys
from pathlib import Path
from benchmark.fitting import Fitting

def work(part):
    n = part.stop - part.start
    tried.append(n)
    with mmap.mmap(-1, n * {EACH}):  # the system's own, for malloc keeps what it was given back
        return n

def full(problem):
    return isinstance(problem, OSError) and problem.errno == errno.ENOMEM

tried = []
fitting = Fitting(Path(sys.argv[1]), ("here",), full)
fitting.split(["warm"], 1, 1, work, work)
size = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmSize"))
most = 1024 * size + int(7.5 * {EACH})
resource.setrlimit(resource.RLIMIT_AS, (most, most))
tried.clear()
found = fitting.split(["work"], 20, 16, work, work)
print(json.dumps([found, tried, len(fitting.refused)]))
"""


def short_of_memory(file: Path) -> tuple[list[int], list[int], int]:
    """What a process finds that is let have room for seven and a half of twenty pictures."""
    done = subprocess.run(
        [sys.executable, "-c", SHORT, str(file)], capture_output=True, text=True, check=True
    )
    found, tried, refused = json.loads(done.stdout)
    return found, tried, refused


def test_memory_that_runs_out_is_bisected_and_remembered(tmp_path: Path) -> None:
    """Real allocations in a process with little room; the next process does not search."""
    file = tmp_path / "fitting.json"
    found, tried, refused = short_of_memory(file)
    assert found == [7, 7, 6]
    assert tried[:5] == [16, 8, 4, 6, 7]
    assert refused == 2
    assert json.loads(file.read_text()) == {"here; work": 7}
    assert short_of_memory(file) == ([7, 7, 6], [7, 7, 6], 0)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 16, 100])
def test_bisection_finds_the_largest(most: int) -> None:
    for largest in range(most):
        asked: list[int] = []
        assert bisected(lambda n: asked.append(n) or n <= largest, most) == largest  # type: ignore[func-returns-value]  # noqa: B023
        assert len(asked) <= most.bit_length()
        assert most not in asked


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    """A device that fills up later: parts that were finished stay, the others shrink."""
    seen: list[tuple[int, int]] = []

    def work(part: slice) -> tuple[int, int]:
        seen.append((part.start, part.stop))
        if part.start >= 4 and part.stop - part.start > 1:
            raise torch.OutOfMemoryError("planted")
        return part.start, part.stop

    (tmp_path / "f.json").write_text('{"a": 4, "b": -1, "c": "x"}')
    fitting = Fitting(tmp_path / "f.json")
    assert fitting.split(["a"], 7, 7, work, work) == [(0, 4), (4, 5), (5, 6), (6, 7)]
    assert seen.count((0, 4)) == 1
    assert json.loads((tmp_path / "f.json").read_text()) == {"a": 1}
    assert set(fitting.refused) == {"a"}
    (tmp_path / "f.json").write_text("damaged")
    assert Fitting(tmp_path / "f.json").split(["a"], 2, 2, work, work) == [(0, 2)]


def test_one_picture_that_does_not_fit_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_: slice) -> None:
        raise torch.OutOfMemoryError("planted")

    with pytest.raises(
        EngineError, match=rf"one picture .* raise {SHARE_VARIABLE} \(now 0.9\)"
    ) as e:
        Fitting().split([], 5, 5, work, work)
    assert e.value.status == "out-of-memory"

    def other(_: slice) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        Fitting().split([], 5, 5, other, other)
    assert device_is_full(RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"))
    assert not device_is_full(RuntimeError("can't allocate memory"))
    assert not device_is_full(MemoryError())
    monkeypatch.setenv(SHARE_VARIABLE, "0.25")
    assert device_share() == 0.25
    for wrong in ("0", "1.1", "nan", "half"):
        monkeypatch.setenv(SHARE_VARIABLE, wrong)
        with pytest.raises(CallError, match=f"{SHARE_VARIABLE} is {wrong}: expected"):
            device_share()


class Crowded(Jpeg):
    """Has room for the gradients of two pictures at a time."""

    def surrogate(self, x: Images) -> Images:
        if len(x) > 2 and torch.is_grad_enabled():
            raise torch.OutOfMemoryError("planted")
        return super().surrogate(x)

    def coded(self, x: Images) -> Coded:
        return Coded(self.surrogate(x), 100 * x.flatten(1).sum(1))


def test_the_verdicts_do_not_depend_on_what_fits(
    protocol: Protocol, sample: Sample, tmp_path: Path
) -> None:
    spec = protocol.classifiers[0]
    loaded = {spec.name: classifiers.load(spec)}
    found, fitting = [], Fitting()
    for defense in (Jpeg, Crowded):
        made = Harness(
            protocol,
            sample,
            loaded,
            partial(defense, 50),
            Declared("surrogate"),
            tmp_path,
            precision="fp32",
            fitting=fitting,
        )
        outcomes = made.evaluate(Shard(spec.name, 0, 7)).outcomes
        found.append({(o.cell, o.image): (o.correct, o.gradient_steps) for o in outcomes})
    assert found[0] == found[1]
    assert len(fitting.refused) > 0


def test_a_full_device_is_no_crash_of_a_codec() -> None:
    """A picture that crashes a codec ends the attack on it, which would leave it as it is."""
    planned: PlannedCell = next(
        one
        for one in codec_cells(load("mini-codec-v1"))  # type: ignore[arg-type]
        if one.cell.objective == "rate" and one.cell.attack == "pgd"
    )
    pixels = torch.randint(40, 200, (5, 3, 16, 16), dtype=torch.uint8)
    fitting = Fitting()
    made = craft(Crowded(50), pixels, planned, 1, fitting=fitting)
    alone = [craft(Crowded(50), one, planned, 1) for one in torch.split(pixels, 1)]
    assert torch.equal(made.pixels, torch.cat([one.pixels for one in alone]))
    assert bool((made.pixels > pixels).flatten(1).any(1).all())
    assert len(fitting.refused) > 0


def test_transfers_on_the_processor_copy_nothing() -> None:
    x = torch.rand(2, 3)
    assert to_host(x) is x
    assert to_device(x, torch.device("cpu")) is x


@pytest.mark.gpu
def test_transfers_to_a_device_and_back() -> None:
    device = torch.device("cuda")
    for x in (torch.rand(2, 3, 4, 5), torch.rand(2, 4, 5, 3).permute(0, 3, 1, 2)):
        moved = to_device(x, device)
        assert moved.is_cuda
        back = to_host(moved)
        assert not back.is_cuda
        assert torch.equal(back, x)


@pytest.mark.gpu
def test_a_device_with_a_small_share_takes_fewer() -> None:
    """A real device: allocations of 64 MB under a share of about one GB."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    held = torch.cuda.memory_reserved(0)

    def work(part: slice) -> Tensor:
        return torch.ones(part.stop - part.start, 2**26, dtype=torch.uint8, device="cuda").amax(1)

    torch.cuda.set_per_process_memory_fraction((held + 2**30) / total, 0)
    try:
        fitting = Fitting()
        parts = fitting.split(["ones"], 64, 64, work, work)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
    assert sum(map(len, parts)) == 64
    assert 8 <= len(parts[0]) <= 16
    assert len(fitting.refused) > 0


@pytest.mark.gpu
def test_the_verdicts_on_a_device_with_little_room(
    protocol: Protocol, sample: Sample, tmp_path: Path
) -> None:
    """The same on at least 99 % of outcomes as with room for all of a shard."""
    spec = protocol.classifiers[0]
    loaded = {spec.name: classifiers.load(spec, device=torch.device("cuda"))}
    found = []
    for defense in (Jpeg, Crowded):
        declared, folder = Declared("surrogate"), tmp_path / defense.__name__
        folder.mkdir()
        harness = Harness(
            protocol, sample, loaded, partial(defense, 50), declared, folder, fitting=Fitting()
        )
        outcomes = harness.evaluate(Shard(spec.name, 0, 7)).outcomes
        found.append({(o.cell, o.image): o.correct for o in outcomes})
    agree = [found[0][key] == found[1][key] for key in found[0]]
    assert sum(agree) >= 0.99 * len(agree)
