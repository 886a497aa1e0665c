"""The contract of a codec, over every codec that this machine can run.

To add one, give it a line in `CASES`.
"""

import os
import random
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchmark.codecs.avif import Avif
from benchmark.codecs.heic import Heic
from benchmark.codecs.jpeg2000 import Jpeg2000
from benchmark.codecs.jpeg_xl import JpegXL, JpegXLLossless
from benchmark.codecs.kway import KWay
from benchmark.codecs.mini import MiniElic, MiniHific, MiniMbt2018Mean, MiniMbt2018MeanHalf
from benchmark.codecs.naive import NaiveRandomization
from benchmark.codecs.named import with_trade_off
from benchmark.codecs.pillow import Jpeg, Png
from benchmark.codecs.preprocessed import Blur, FewerLevels, Preprocessed
from benchmark.codecs.self_ensemble import SelfEnsemble
from benchmark.codecs.sequential import Sequential
from benchmark.codecs.vvc import Vvc
from benchmark.codecs.webp import WebP, WebPLossless
from benchmark.contract import check_images, check_streams
from benchmark.datasets import photos
from benchmark.defense import Codec
from benchmark.draws import seeded
from benchmark.errors import CallError, ContractError, DataError
from benchmark.geometry import from_bytes, to_lattice


class Case(NamedTuple):
    """A codec, and what may be asked of it.

    `decibels` is the PSNR that all but noise must reach from 64 pixels a side on. `checked`: its
    streams carry a checksum, so that every altered one is an error; an altered stream of the others
    may decode, to a picture that is not the one that was coded. `fast`: it codes a 4K picture in
    seconds. `optional`: what it needs (a program, weights) may be absent even in CI. `gap`: the
    share by which bits and likelihood may differ; of stretched noise, which the tables of a small
    codec do not hold, an escaped symbol costs fewer bits than its likelihood says.
    """

    make: Callable[[], Codec]
    decibels: float = 25
    lossless: bool = False
    checked: bool = False
    fast: bool = False
    optional: bool = False
    gap: float = 0.03


def bundled() -> Codec:
    return with_trade_off("mini-mbt2018-mean", "high")


CASES = {
    "jpeg": Case(lambda: Jpeg(50), fast=True),
    "jpeg-444": Case(lambda: Jpeg(50, subsampling="4:4:4")),
    "jpeg2000": Case(lambda: Jpeg2000(1)),
    "webp": Case(lambda: WebP(50), fast=True),
    "avif": Case(lambda: Avif(50)),
    "avif-444": Case(lambda: Avif(50, subsampling="4:4:4")),
    "heic": Case(lambda: Heic(40)),
    "heic-444": Case(lambda: Heic(40, subsampling="4:4:4")),
    "jpeg-xl": Case(lambda: JpegXL(70)),
    "vvc": Case(lambda: Vvc(32), optional=True),
    "png": Case(Png, lossless=True, checked=True),
    "webp-lossless": Case(WebPLossless, lossless=True),
    "jpeg-xl-lossless": Case(JpegXLLossless, lossless=True),
    "sequential-jpeg": Case(lambda: Sequential(Jpeg(50), 3)),
    "sequential-webp": Case(lambda: Sequential(WebP(50), 3)),
    "mini-mbt2018-mean": Case(lambda: MiniMbt2018Mean("high"), checked=True),
    "mini-elic": Case(lambda: MiniElic("high"), checked=True),
    # Of flat color and gradients both expect up to 30 bits for symbols that the coder gives 16.
    "mini-mbt2018-mean-half": Case(lambda: MiniMbt2018MeanHalf("high"), checked=True, gap=0.06),
    "mini-hific": Case(lambda: MiniHific("low"), decibels=8, checked=True, gap=0.17),
    "two-way-jpeg": Case(lambda: KWay(with_trade_off("jpeg", 50)), fast=True),
    "four-way-webp": Case(lambda: KWay(with_trade_off("webp", 50), 4)),
    "naive-jpeg": Case(lambda: NaiveRandomization(Jpeg(50)), fast=True),
    "naive-jpeg2000": Case(lambda: NaiveRandomization(Jpeg2000(1))),
    "self-ensemble-jpeg": Case(lambda: SelfEnsemble(Jpeg(50))),
    "preprocessed-jpeg": Case(lambda: Preprocessed(Jpeg(50), [Blur(0.7), FewerLevels(6)])),
    "two-way-bundled": Case(lambda: KWay(bundled()), decibels=20, checked=True, gap=0.06),
    "four-way-bundled": Case(lambda: KWay(bundled(), 4), decibels=20, checked=True, gap=0.06),
    # What lies outside of a small model's tables costs less than the likelihood's floor says.
    "naive-bundled": Case(
        lambda: NaiveRandomization(bundled()), decibels=20, checked=True, gap=0.12
    ),
    "self-ensemble-bundled": Case(lambda: SelfEnsemble(bundled()), decibels=20, checked=True),
    "sequential-bundled": Case(lambda: Sequential(bundled(), 3), decibels=20, checked=True),
    "preprocessed-bundled": Case(
        lambda: Preprocessed(bundled(), [FewerLevels(6)]), decibels=20, checked=True
    ),
}
SIZES = ((1, 1), (1, 7), (17, 23), (64, 64), (96, 160))
CONTENTS = ("noise", "flat", "photograph", "gradient")

every_codec = pytest.mark.parametrize("name", CASES)


@cache
def made(name: str) -> Codec | str:
    """The codec, or why it cannot be made here."""
    try:
        return CASES[name].make()
    except (CallError, DataError) as problem:
        return str(problem)


def codec_of(name: str) -> Codec:
    codec = made(name)
    if isinstance(codec, Codec):
        return codec
    if os.environ.get("CI") == "true" and not CASES[name].optional:
        pytest.fail(f"{codec}; CI must have it")
    pytest.skip(codec)


def photograph(height: int, width: int) -> np.ndarray:
    picture = photos.load().read(4)
    times = (-(-height // len(picture)), -(-width // len(picture)), 1)
    return np.tile(picture, times)[:height, :width]


@cache
def mixed(height: int, width: int) -> torch.Tensor:
    """One picture of each of `CONTENTS`."""
    noise = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    flat = np.full((height, width, 3), (200, 30, 90), np.uint8)
    gradient = np.zeros((height, width, 3), np.uint8)
    gradient[..., 0] = np.linspace(0, 255, width)
    gradient[..., 2] = np.linspace(255, 0, height)[:, None]
    pictures = np.stack([noise, flat, photograph(height, width), gradient])
    return from_bytes(torch.from_numpy(pictures).permute(0, 3, 1, 2))


def coded(codec: Codec, x: torch.Tensor) -> list[bytes]:
    """With the same draws in every call, if the codec draws."""
    with seeded("contract"):
        return check_streams(codec.compress(x), len(x), "compress")


def decoded(codec: Codec, streams: list[bytes], x: torch.Tensor) -> torch.Tensor:
    return check_images(codec.decompress(streams, (x.shape[2], x.shape[3])), x, "decompress")


@every_codec
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size_comes_back(name: str, size: tuple[int, int]) -> None:
    codec, x = codec_of(name), mixed(*size)
    x_hat = decoded(codec, coded(codec, x), x)
    if CASES[name].lossless:
        assert torch.equal(x_hat, x)
    elif min(size) >= 64:
        error = (x_hat - x).square().flatten(1).mean(1)
        assert (-10 * error[CONTENTS.index("flat") :].log10() > CASES[name].decibels).all()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.fast])
def test_a_picture_of_4k_comes_back(name: str) -> None:
    codec = codec_of(name)
    pixels = torch.from_numpy(photograph(3840, 2160)[None]).permute(0, 3, 1, 2)
    x = from_bytes(pixels)
    assert (decoded(codec, coded(codec, x), x) - x).square().mean() < 10**-2.5


@every_codec
def test_a_stream_decodes_alone_elsewhere_and_in_any_order(name: str) -> None:
    codec, x = codec_of(name), mixed(17, 23)
    streams = coded(codec, x)
    together = decoded(codec, streams, x)
    fresh = CASES[name].make()
    for i in reversed(range(len(x))):
        alone = decoded(fresh, [streams[i]], x[i : i + 1])
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=1e-4)


@every_codec
def test_the_same_pictures_make_the_same_streams(name: str) -> None:
    codec, x = codec_of(name), mixed(64, 64)
    streams = coded(codec, x)
    assert coded(codec, x) == streams
    assert coded(CASES[name].make(), x) == streams


@every_codec
def test_forward_is_the_round_trip(name: str) -> None:
    codec, x = codec_of(name), mixed(96, 160)
    with torch.no_grad(), seeded("contract"):
        x_hat = codec.forward(x)
    through = decoded(codec, coded(codec, x), x)
    assert (x_hat - through).abs().max() <= 1 / 255


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.lossless])
def test_a_lossless_codec_gives_the_nearest_picture_in_bytes(name: str) -> None:
    codec, x = codec_of(name), mixed(17, 23) * 0.9 + 0.0007
    assert torch.equal(decoded(codec, coded(codec, x), x), to_lattice(x))


@every_codec
def test_the_likelihood_tells_the_bits(name: str) -> None:
    codec, x = codec_of(name), mixed(96, 160)
    if not codec.has_likelihood:
        with pytest.raises(ContractError, match="has no likelihood model"):
            codec.likelihood_bits(x)
        return
    real = torch.tensor([8.0 * len(stream) for stream in coded(codec, x)])
    with torch.no_grad(), seeded("contract"):
        told = codec.likelihood_bits(x)
    assert ((told - real).abs() <= CASES[name].gap * real + 400).all()


def stream_of(name: str) -> tuple[Codec, bytes, torch.Tensor]:
    codec, x = codec_of(name), mixed(64, 64)[CONTENTS.index("photograph")][None]
    return codec, coded(codec, x)[0], x


@every_codec
def test_a_truncated_stream_is_an_error(name: str) -> None:
    codec, stream, x = stream_of(name)
    n = len(stream)
    for length in (0, 1, 2, 12, 40, n // 4, n // 2, 3 * n // 4, n - 30, n - 10, n - 2, n - 1):
        with pytest.raises(ContractError):
            decoded(codec, [stream[:length]], x)


@every_codec
def test_an_altered_stream_is_an_error_or_a_picture(name: str) -> None:
    codec, stream, x = stream_of(name)
    draws, refused = random.Random(7), 0
    for _ in range(40):
        altered = bytearray(stream)
        for place in draws.sample(range(len(stream)), draws.choice((1, 1, 4, 16))):
            altered[place] ^= draws.randrange(1, 256)
        try:
            decoded(codec, [bytes(altered)], x)
        except ContractError:
            refused += 1
    assert refused == 40 if CASES[name].checked else refused > 0


@every_codec
def test_what_is_no_stream_is_an_error(name: str) -> None:
    codec, stream, x = stream_of(name)
    garbage = random.Random(11).randbytes(300)
    for bad in (b"", garbage, stream[::-1], b"\0" * 100, stream[:60] + garbage):
        with pytest.raises(ContractError):
            decoded(codec, [bad], x)


@every_codec
@pytest.mark.parametrize("size", [(64, 63), (63, 64), (32, 64), (64, 128), (32, 128)], ids=str)
def test_a_stream_of_another_size_is_an_error(name: str, size: tuple[int, int]) -> None:
    codec, stream, _ = stream_of(name)
    with pytest.raises(ContractError):
        codec.decompress([stream], size)


@every_codec
def test_one_bad_stream_of_a_batch_is_an_error(name: str) -> None:
    codec, stream, x = stream_of(name)
    with pytest.raises(ContractError):
        decoded(codec, [stream, stream[:20], stream], x.expand(3, -1, -1, -1))
