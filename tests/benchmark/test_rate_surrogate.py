"""Surrogates of the rate: what is raised with them is real bytes, by more than noise raises."""

import importlib.util
from functools import cache

import pytest
import torch
from torch import Tensor

from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.types import Views
from benchmark.codecs.avif import Avif
from benchmark.codecs.heic import Heic
from benchmark.codecs.jpeg2000 import Jpeg2000
from benchmark.codecs.jpeg_surrogate import from_blocks, transform
from benchmark.codecs.jpeg_xl import JpegXL, JpegXLLossless
from benchmark.codecs.pillow import Jpeg, Png
from benchmark.codecs.rate_surrogate import (
    block_bits,
    jpeg_bits,
    residual_bits,
    wavelet_bits,
)
from benchmark.codecs.sequential import Sequential
from benchmark.codecs.webp import WebP, WebPLossless
from benchmark.datasets import photos
from benchmark.defense import Codec
from benchmark.geometry import from_bytes
from benchmark.threat import Budget, Norm, ThreatModel

LINF = ThreatModel(Norm.LINF, 4)
PHOTOGRAPHS = ("temple", "flower")  # none that a surrogate's strength is fitted to
CODECS = {
    "jpeg-25": lambda: Jpeg(25),
    "jpeg-90": lambda: Jpeg(90, subsampling="4:4:4"),
    "jpeg-50-thrice": lambda: Sequential(Jpeg(50), 3),
    "webp-20": lambda: WebP(20),
    "webp-80": lambda: WebP(80),
    "avif-70": lambda: Avif(70),
    "png": Png,
    "webp-lossless": WebPLossless,
    "heic-60": lambda: Heic(60),
    "jxl-70": lambda: JpegXL(70),
    "jxl-lossless": JpegXLLossless,
}
PLUGIN = {"heic": "pillow_heif", "jxl": "pillow_jxl"}


@cache
def photographs() -> Tensor:
    loaded = photos.load()
    pixels = [loaded.read(loaded.ids.index(name))[64:192, 64:192] for name in PHOTOGRAPHS]
    return from_bytes(torch.stack([torch.tensor(one) for one in pixels]).permute(0, 3, 1, 2))


def made(name: str) -> Codec:
    needed = PLUGIN.get(name.partition("-")[0])
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    return CODECS[name]()


def bits(codec: Codec, x: Tensor) -> Tensor:
    return torch.tensor([8.0 * len(stream) for stream in codec.compress(x)])


@pytest.mark.parametrize("name", CODECS)
def test_a_rate_attack_raises_real_bytes_above_noise(name: str) -> None:
    codec, x = made(name), photographs()
    budget = Budget(LINF, steps=8, restarts=2)
    loss = objectives.find("rate")(codec, x, Views())
    before = bits(codec, x)
    noise = bits(codec, attacks.find("noise")(loss, x, budget)) / before
    attacked = bits(codec, attacks.find("apgd")(loss, x, budget)) / before
    assert (attacked > noise).all()
    assert attacked.mean() - 1 > 1.1 * (noise.mean() - 1)


@pytest.mark.parametrize("name", ["jpeg-25", "jpeg-50-thrice", "webp-80"])
def test_values_are_those_of_the_streams(name: str) -> None:
    codec, x = made(name), photographs()
    leaf = x.clone().requires_grad_()
    for given in (codec.coded(x), codec.coded(leaf)):
        torch.testing.assert_close(given.bits, bits(codec, x))
        torch.testing.assert_close(given.x_hat, codec.forward(x))
    gradients = torch.autograd.grad(codec.coded(leaf).bits.sum(), leaf)
    assert gradients[0].abs().amax() > 0


def test_jpeg_2000_keeps_its_rate() -> None:
    """Within some bytes, whatever is raised: its rate is what it was asked for."""
    codec, x = Jpeg2000(1.0), photographs()
    loss = objectives.find("rate")(codec, x, Views())
    x_adv = attacks.find("pgd")(loss, x, Budget(LINF, steps=5))
    assert (bits(codec, x_adv) / bits(codec, x) < 1.05).all()


def test_what_coefficients_cost() -> None:
    """One coefficient of a block of JPEG's luma, in steps of its table (16 to 12 at quality 50)."""
    grey = torch.full((1, 3, 16, 16), 0.5)
    for steps, size_class in ((0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (-7, 3)):
        block = torch.zeros(4, 64)
        block[0, 1] = steps * 11.0  # the second of the first row
        plane = from_blocks(block @ transform(), grey[:, :1]) / 255
        found = jpeg_bits(grey + plane, 50, subsampled=True)
        assert float(found) == pytest.approx(2 * size_class, abs=1e-3)


def test_flat_pictures_cost_nothing() -> None:
    flat = torch.full((2, 3, 24, 40), 0.5)
    assert residual_bits(flat).abs().amax() < 1e-4
    assert block_bits(flat, 4.0, subsampled=True).abs().amax() < 1e-4
    assert wavelet_bits(flat, 4.0).abs().amax() < 1e-3


def test_rates_of_gaussian_coefficients() -> None:
    """At a step far below them, twice the picture's contrast costs a bit more a coefficient."""
    x = 0.5 + 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    doubled = 0.5 + 2 * (x - 0.5)
    for count, found in (
        (63 / 64 * 3 * 64 * 64, lambda x: block_bits(x, 1e-3, subsampled=False)),
        ((1 - 1 / 1024) * 3 * 64 * 64, lambda x: wavelet_bits(x, 1e-3)),
        (3 * 64 * 64, lambda x: residual_bits(1e6 * x)),
    ):
        more = float(found(doubled) - found(x))
        assert more == pytest.approx(count, rel=0.03)
