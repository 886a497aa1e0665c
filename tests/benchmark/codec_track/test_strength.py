"""On a published codec and real photographs the attacks are as strong as they were measured."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.types import Views
from benchmark.codecs.bls2017 import Bls2017
from benchmark.datasets import kodak
from benchmark.geometry import from_bytes
from benchmark.threat import Budget, Norm, ThreatModel

SIDE = 128


@pytest.fixture
def photographs(real_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """The middles of kodim05 and kodim10."""
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(real_folder))
    loaded = kodak.load()
    cut = []
    for position in (4, 9):
        picture = loaded.read(position)
        top, left = ((side - SIDE) // 2 for side in picture.shape[:2])
        cut.append(torch.tensor(picture[top : top + SIDE, left : left + SIDE]))
    return from_bytes(torch.stack(cut).permute(0, 3, 1, 2))


@pytest.mark.real
@pytest.mark.parametrize(("step", "least"), [(1, 1.2), (4, 1.3)])
def test_the_rate_of_bls2017(photographs: Tensor, step: int, least: float) -> None:
    """A sign attack along the slope at the rounded symbols reaches 1.2 and 1.1 in 50 steps."""
    codec, x = Bls2017(step), photographs
    loss = objectives.find("rate")(codec, x, Views())
    budget = Budget(ThreatModel(Norm.LINF, 4), steps=12)

    def inflation(attack: str) -> float:
        x_adv = attacks.find(attack)(loss, x, budget)
        sizes = [[len(stream) for stream in codec.compress(one)] for one in (x_adv, x)]
        return sum(a / b for a, b in zip(*sizes, strict=True)) / len(x)

    noise, ours = inflation("noise"), inflation("apgd")
    assert ours > least
    assert ours - 1 > 3 * (noise - 1)
