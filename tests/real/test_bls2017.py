"""bls2017 with its real weights on the Kodak pictures: the published table, and real files."""

from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark.api.learned import Bls2017
from benchmark.codecs.bls2017 import LARGEST, STEPS
from benchmark.errors import CallError, ContractError, DataError
from benchmark.estimators import admitted
from benchmark.geometry import from_bytes, to_lattice
from leaderboard.submission import load

pytestmark = pytest.mark.real
EVERY_STEP = pytest.mark.parametrize("step", STEPS)
TABLE = MappingProxyType(
    {1: (1.290, 35.01), 2: (0.851, 33.61), 4: (0.478, 30.87), 8: (0.216, 27.74), 16: (0.085, 24.87)}
)
"""Bits a pixel as code length and PSNR of 8-bit pictures, means over the 24: the folder's README.

At step 16 the third digit of 0.085 is already worth more than 1 %.
"""
SUBMISSION = Path(__file__).parents[2] / "submissions" / "bls2017"


@pytest.fixture(autouse=True)
def _weights(real_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(real_folder))


@cache
def codec(step: int) -> Bls2017:
    return Bls2017(step)


@cache
def kodak(folder: Path, number: int) -> Tensor:
    with Image.open(folder / "kodak" / f"kodim{number:02d}.png") as picture:
        pixels = torch.from_numpy(np.array(picture.convert("RGB")))
    return from_bytes(pixels.permute(2, 0, 1)[None])


def psnr(x: Tensor, x_hat: Tensor) -> float:
    return float(-10 * torch.log10((to_lattice(x_hat.clamp(0, 1)) - x).square().mean()))


def test_the_kodak_table(real_folder: Path) -> None:
    """The steps share their analysis, so a picture goes through it once."""
    measured: dict[int, list[tuple[float, float]]] = {step: [] for step in STEPS}
    for number in range(1, 25):
        x = kodak(real_folder, number)
        with torch.no_grad():
            y = codec(1).model._latents(x)
            for step, figures in measured.items():
                network = codec(step).model
                symbols = network._symbols(y)
                bits = float(network._bits(symbols, symbols).sum())
                figures.append((bits / x[0, 0].numel(), psnr(x, network._picture(symbols))))
    for step, (bits_per_pixel, decibel) in TABLE.items():
        found = np.mean(measured[step], axis=0)
        assert found[0] == pytest.approx(bits_per_pixel, rel=0.01)
        assert found[1] == pytest.approx(decibel, abs=0.02)


@EVERY_STEP
def test_real_files_are_as_long_as_the_code(real_folder: Path, step: int) -> None:
    """Within 2 %, container included."""
    for number in (1, 4, 21):
        x = kodak(real_folder, number)
        with torch.no_grad():
            bits = float(codec(step).likelihood_bits(x))
        (stream,) = codec(step).compress(x)
        assert bits < 8 * len(stream) < 1.02 * bits


@EVERY_STEP
def test_the_files_are_what_forward_shows(real_folder: Path, step: int) -> None:
    x = kodak(real_folder, 4)
    streams = codec(step).compress(x)
    assert torch.equal(codec(step).decompress(streams, tuple(x.shape[-2:])), codec(step)(x))


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (40, 64)])
def test_round_trip_of_any_size(real_folder: Path, size: tuple[int, int]) -> None:
    x = kodak(real_folder, 5)[..., : size[0], : size[1]].repeat(2, 1, 1, 1)
    streams = codec(4).compress(x)
    torch.testing.assert_close(
        codec(4)(x), codec(4).decompress(streams, size), rtol=0, atol=1 / 255
    )
    with pytest.raises(ContractError, match="cut, extended or altered"):
        codec(4).decompress([streams[0][:-3]], size)


def test_symbols_outside_of_the_tables_are_clamped_and_exact(real_folder: Path) -> None:
    """An analysis 1000 times as loud: symbols at both ends come back as they went in."""
    loud = Bls2017(1)
    with torch.no_grad():
        loud.model.a2.weight.mul_(1000)
    x = kodak(real_folder, 1)[..., :64, :96].contiguous()
    symbols = loud.model._symbols(loud.model._latents(x))
    assert float(symbols.min()) == -LARGEST
    assert float(symbols.max()) == LARGEST
    coded = loud.model.compress(x)
    assert torch.equal(loud.model.decompress(**coded)["x_hat"], loud.model(x)["x_hat"])


def test_gradients(real_folder: Path) -> None:
    """The picture's is that of synthesis after analysis."""
    made = codec(2)
    x = kodak(real_folder, 7)[..., :64, :80].contiguous().requires_grad_()
    assert admitted(made, "exact", x) == ("exact", "noise", "identity")
    network = made.model
    y = network.a2(network.g1(network.a1(network.g0(network.a0(x)))))
    scaled = (y - network.medians) / 2
    symbols = scaled.round().clamp(-LARGEST, LARGEST).detach()

    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    (found,) = torch.autograd.grad((made(x) * direction).sum(), x)
    y_hat = 2 * (symbols + (scaled - scaled.detach())) + network.medians
    x_hat = network.s2(network.i1(network.s1(network.i0(network.s0(y_hat))))).clamp(0, 1)
    (expected,) = torch.autograd.grad((x_hat * direction).sum(), x, retain_graph=True)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_submission_has_every_step() -> None:
    manifest = load(SUBMISSION).manifest
    assert {variant.id: variant.parameters for variant in manifest.variants} == {
        f"step{step}": {"step": step} for step in STEPS
    }


def test_what_a_wrong_call_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CallError, match=r"step 3: expected one of \(1, 2, 4, 8, 16\)"):
        Bls2017(3)
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"bls2017\.safetensors is missing: looked for .*put it th"):
        Bls2017(1)
