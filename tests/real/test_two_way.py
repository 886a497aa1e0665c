"""Two-way around bls2017 with its real weights, on Kodak, from real bytes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.types import Views
from benchmark.codecs.bls2017 import Bls2017
from benchmark.codecs.kway import KWay
from benchmark.codecs.naive import NaiveRandomization
from benchmark.defense import Codec
from benchmark.draws import seeded
from benchmark.geometry import from_bytes, to_lattice
from benchmark.metrics.rate_distortion import rate_distortion
from benchmark.threat import Budget, Norm, ThreatModel

pytestmark = pytest.mark.real


@pytest.fixture
def crops(real_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Three crops of 192x256."""
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(real_folder))
    pictures = []
    for number in (4, 13, 23):
        with Image.open(real_folder / "kodak" / f"kodim{number:02d}.png") as picture:
            pictures.append(np.array(picture.convert("RGB"))[128:320, 128:384])
    return from_bytes(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous())


def measured(codec: Codec, x: Tensor, trade_off: float) -> tuple[Tensor, Tensor]:
    """Bits and rate-distortion loss of each image, as a judge counts them."""
    with seeded("judge"):
        streams = codec.compress(x)
    x_hat = to_lattice(codec.decompress(streams, (x.shape[2], x.shape[3])))
    bits = torch.tensor([8.0 * len(stream) for stream in streams], dtype=torch.float64)
    return bits, rate_distortion(x.double(), x_hat.double(), bits, trade_off)


@pytest.mark.parametrize("step", [1, 4])
def test_two_way_costs_nothing_clean_and_less_under_attack(crops: Tensor, step: int) -> None:
    """The attack is on the bare codec, which two-way only has to leave to be safe from."""
    codec = Bls2017(step)
    trade_off = codec.trade_off or 0
    two_way, naive = KWay(codec), NaiveRandomization(codec)
    budget = Budget(ThreatModel(Norm.LINF, 4), steps=20)
    loss = objectives.find("mse")(codec, crops, Views())
    attacked = attacks.find("pgd")(loss, crops, budget)
    _, clean = measured(codec, crops, trade_off)
    _, hurt = measured(codec, attacked, trade_off)
    _, two_way_clean = measured(two_way, crops, trade_off)
    assert (two_way_clean <= clean).all()
    assert (measured(two_way, attacked, trade_off)[1] <= hurt).all()
    assert measured(naive, crops, trade_off)[1].mean() > two_way_clean.mean()
    assert hurt.mean() > 1.1 * clean.mean()
