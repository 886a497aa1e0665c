"""The bench of a device: every side does its steps for every image, as many at once as fit."""

import json

import pytest
import torch

from benchmark.bench import device, subjects
from benchmark.bench.device import FLOOR, LOADED, OURS, Fitted, measure
from benchmark.bench.subjects import Subject
from benchmark.errors import CallError
from benchmark.tensors import Images


def test_a_side_takes_as_many_images_as_fit() -> None:
    """The search is done once, before what counts."""
    subject = subjects.find("mini-resnet", 7)
    seen: list[int] = []

    def run(one: Subject) -> Images:
        seen.append(len(one.x))
        if len(one.x) > 3:
            raise torch.OutOfMemoryError("planted")
        return one.x

    fitted = Fitted(subject, run)
    assert torch.equal(fitted.run(), subject.x)
    assert fitted.at_once == 3
    seen.clear()
    assert torch.equal(fitted.run(), subject.x)
    assert seen == [3, 3, 1]


def test_speeds_are_of_images_and_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "PEERS", ("art",))
    for row in measure("mini-resnet", "cpu", images=3, steps=2, repeats=1):
        assert (row.images, row.steps, row.model) == (3, 2, "mini-resnet")
        assert set(row.speeds) == set(row.at_once) == {OURS, FLOOR, LOADED, "art"}
        assert set(row.at_once.values()) == {3}
        assert row.of_floor == row.speeds[OURS] / row.speeds[FLOOR]
        assert row.ratios == {"art": row.speeds[OURS] / row.speeds["art"]}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device() -> None:
    with pytest.raises(CallError, match="torch finds no CUDA device here; use --device cpu"):
        device.main([])


@pytest.mark.gpu
def test_both_models_on_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    """One command, for whoever has a device; PGD adds to bare passes, but not a multiple."""
    assert device.main(["--images", "32", "--steps", "3", "--repeats", "2"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["model"] for row in rows} == {"resnet50", "vit-b16"}
    for row in rows:
        assert row["at_once"][OURS] >= 1
        assert 0.3 < row["of_floor"] < 1.2
