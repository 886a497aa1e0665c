"""Traditional codecs: their settings, their headers, and what their surrogates are worth."""

import importlib.util
import io
import itertools
import math
import struct
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.codecs.avif import Avif
from benchmark.codecs.block_surrogate import block_surrogate
from benchmark.codecs.heic import Heic
from benchmark.codecs.jpeg2000 import Jpeg2000
from benchmark.codecs.jpeg_xl import JpegXL, JpegXLLossless, jxl_size
from benchmark.codecs.parallel import in_order
from benchmark.codecs.pillow import Jpeg, Png, levels
from benchmark.codecs.shrinkage import FLOOR, Fitted, lowest, shrunk
from benchmark.codecs.wavelet_surrogate import (
    analysis,
    jpeg2000_surrogate,
    merge,
    norms,
    split,
    synthesis,
)
from benchmark.codecs.webp import WebP, WebPLossless
from benchmark.datasets import photos
from benchmark.defense import Codec
from benchmark.errors import CallError, ContractError
from benchmark.geometry import from_bytes, to_bytes, to_lattice

FITTED: dict[str, Callable[[], Fitted]] = {
    "jpeg2000": lambda: Jpeg2000(0.75),
    "webp": lambda: WebP(50),
    "avif": lambda: Avif(50),
    "avif-444": lambda: Avif(50, subsampling="4:4:4"),
    "heic": lambda: Heic(40),
    "jpeg-xl": lambda: JpegXL(70),
}
SUBMISSIONS = Path(__file__).parents[2] / "submissions"
HELD_OUT = ("rocket", "hubble", "temple", "dahlia")
"""Photographs that no surrogate is fitted on."""


def photographs(n: int = 4, side: int = 128) -> torch.Tensor:
    loaded = photos.load()
    pixels = [loaded.read(loaded.ids.index(name))[64:, 64:][:side, :side] for name in HELD_OUT[:n]]
    return from_bytes(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2))


@pytest.fixture(scope="module", params=FITTED)
def codec(request: pytest.FixtureRequest) -> Fitted:
    return FITTED[request.param]()


def mse(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (x - other).square().flatten(1).mean(1)


# The settings.


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Jpeg2000(0), "expected 0.01 to 24"),
        (lambda: Jpeg2000(25), "expected 0.01 to 24"),
        (lambda: WebP(-1), "WebP quality -1: expected 0 to 100"),
        (lambda: WebP(101), "expected 0 to 100"),
        (lambda: Avif(101), "AVIF quality 101: expected 0 to 100"),
        (lambda: Avif(50, subsampling="4:2:2"), "expected 4:2:0 or 4:4:4"),
        (lambda: Heic(101), "HEIC quality 101: expected 0 to 100"),
        (lambda: Heic(50, subsampling="420"), "expected 4:2:0 or 4:4:4"),
        (lambda: JpegXL(100), "JPEG XL quality 100: expected 0 to 99"),
        (lambda: Jpeg(50, subsampling="4:1:1"), "expected 4:2:0 or 4:4:4"),
    ],
)
def test_a_wrong_setting_is_told_what_is_allowed(make: Callable[[], Codec], expected: str) -> None:
    with pytest.raises(CallError, match=expected):
        make()


@pytest.mark.parametrize(
    ("make", "module", "extra"),
    [(lambda: Heic(50), "pillow_heif", "heif"), (JpegXLLossless, "pillow_jxl", "jxl")],
)
def test_an_absent_plugin_says_how_to_get_it(
    make: Callable[[], Codec], module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(CallError, match=rf'pip install "squeezebench\[{extra}\]"'):
        make()


def test_a_submission_does_not_wait_for_what_it_does_not_use() -> None:
    slow = {"compressai", "datasets", "pillow_heif", "pillow_jxl", "timm", "torchvision"}
    code = f"import sys, benchmark.api; sys.exit(str({slow} & {{*sys.modules}} or ''))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.stderr.decode().strip() == ""


def test_a_pillow_without_a_format_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda feature: feature != "avif")
    with pytest.raises(CallError, match=r"built without avif; .*pip install"):
        Avif(50)


def test_the_bytes_are_pillows() -> None:
    x = photographs(1)
    picture = Image.fromarray(to_bytes(x)[0].permute(1, 2, 0).numpy())
    for made, options in (
        (WebP(50), {"quality": 50}),
        (Avif(50), {"quality": 50, "speed": 6, "max_threads": 1}),
        (Avif(50, subsampling="4:4:4"), {"quality": 50, "subsampling": "4:4:4", "max_threads": 1}),
        (JpegXL(70), {"quality": 70}),
    ):
        buffer = io.BytesIO()
        picture.save(buffer, made.format, **options)
        assert made.compress(x) == [buffer.getvalue()]


def test_the_fast_rounding_to_bytes_is_the_one_of_the_judge() -> None:
    """On every level, between levels, on the ties and outside of [0, 1]."""
    on, between = torch.arange(256) / 255, torch.arange(511) / 510
    x = torch.cat([on, between, torch.linspace(-1, 2, 976)]).view(1, 3, 1, -1)
    assert np.array_equal(levels(x[0].numpy()), to_bytes(x)[0].numpy())
    last = x.contiguous(memory_format=torch.channels_last)
    assert np.array_equal(levels(last[0].numpy()), to_bytes(x)[0].numpy())


@pytest.mark.parametrize("rate", [0.25, 0.5, 1, 2])
def test_jpeg2000_keeps_its_rate(rate: float) -> None:
    x = photographs(4, 192)
    for stream in Jpeg2000(rate).compress(x):
        assert 8 * len(stream) / 192**2 == pytest.approx(rate, rel=0.06)


def test_444_keeps_the_color_that_420_blurs() -> None:
    """Red and blue columns in turn: their mean is all that 4:2:0 can hold."""
    x = torch.zeros(1, 3, 32, 32)
    x[:, 0, :, ::2], x[:, 2, :, 1::2] = 0.8, 0.8
    for make in (Jpeg, Avif, Heic):
        lost, kept = (make(90, subsampling=s).forward(x) for s in ("4:2:0", "4:4:4"))
        assert (lost - x).abs().mean() > 0.1
        assert (kept - x).abs().mean() < 0.05


def test_threads_change_nothing(codec: Fitted, two_threads: None) -> None:
    x = photographs(4, 48)
    apart = [codec.compress(x[i : i + 1])[0] for i in range(4)]
    assert codec.compress(x) == apart
    alone = torch.cat([codec.decompress([stream], (48, 48)) for stream in apart])
    assert torch.equal(codec.decompress(apart, (48, 48)), alone)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_work_in_threads_keeps_its_order_and_its_errors(two_threads: None) -> None:
    assert in_order(lambda i: i * i, range(50)) == [i * i for i in range(50)]
    with pytest.raises(ZeroDivisionError):
        in_order(lambda i: 1 // (i - 7), range(20))


def class_of(submission: str) -> tuple[Callable[..., Codec], dict[str, dict[str, Any]]]:
    """A bundled submission's class, and the parameters of its variants."""
    folder = SUBMISSIONS / submission
    manifest = tomllib.loads((folder / "submission.toml").read_text())
    source, name = manifest["defense"]["entry"].split(":")
    spec = importlib.util.spec_from_file_location(f"rates_{source}", folder / f"{source}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name), {v["id"]: v["parameters"] for v in manifest["variant"]}


@pytest.mark.parametrize("submission", ["jpeg", "jpeg2000", "webp", "avif", "heic", "jpeg-xl"])
def test_the_rate_points_of_a_submission_cover_the_axis(submission: str) -> None:
    """In the order of the manifest they spend more and more, from 0.1 or 0.3 to 2 bits a pixel."""
    made, variants = class_of(submission)
    x = photographs(3, 192)
    rates = [
        8 * sum(map(len, made(**parameters).compress(x))) / (3 * 192**2)
        for name, parameters in variants.items()
        if not name.endswith("-444")
    ]
    assert 5 <= len(rates) <= 8
    assert rates == sorted(rates)
    assert rates[0] < 0.35
    assert 1.2 < rates[-1] < 4


def test_the_lossless_submission_changes_nothing() -> None:
    made, variants = class_of("png")
    x = photographs(2, 48)
    assert set(variants) == {"png", "webp", "jpeg-xl"}
    for parameters in variants.values():
        assert torch.equal(made(**parameters).forward(x), x)
    with pytest.raises(CallError, match="expected png, webp, jpeg-xl"):
        made(format="gif")


# Headers that claim what they do not hold.


def test_the_size_in_a_jpeg_xl_header_is_read_as_libjxl_writes_it() -> None:
    lossless = JpegXLLossless()
    for size in ((1, 1), (8, 8), (8, 256), (7, 300), (256, 256), (240, 288), (600, 800), (9, 16)):
        (stream,) = lossless.compress(torch.zeros(1, 3, *size))
        assert jxl_size(stream) == size


def claiming(made: Codec, x: torch.Tensor) -> bytes:
    """A stream of `made` whose header claims as large a picture as it may."""
    stream = bytearray(made.compress(x)[0])
    height, width = x.shape[2:]
    if isinstance(made, Jpeg):
        at = stream.index(b"\xff\xc0")
        stream[at + 5 : at + 9] = struct.pack(">HH", 60000, 60000)
    elif isinstance(made, Png):
        stream[16:24] = struct.pack(">II", 60000, 60000)
        stream[29:33] = struct.pack(">I", zlib.crc32(stream[12:29]))
    elif isinstance(made, Jpeg2000):
        at = stream.index(b"\xff\x51")
        stream[at + 6 : at + 14] = struct.pack(">II", 60000, 60000)
        stream[at + 22 : at + 30] = struct.pack(">II", 60000, 60000)
    elif isinstance(made, WebPLossless):
        stream[21:25] = (int.from_bytes(stream[21:25], "little") | 0xFFFFFFF).to_bytes(4, "little")
    elif isinstance(made, WebP):
        stream[26:30] = struct.pack("<HH", 16383, 16383)
    elif isinstance(made, JpegXL | JpegXLLossless):
        # not in eights; 18 bits of height; no ratio; 18 bits of width
        bits = 0 | 2 << 1 | 59999 << 3 | 0 << 21 | 2 << 24 | 59999 << 26
        stream[2:8] = bits.to_bytes(6, "little")
    else:  # the box of the image's spatial extent, of AVIF and HEIC
        stream = stream.replace(
            b"ispe\0\0\0\0" + struct.pack(">II", width, height),
            b"ispe\0\0\0\0" + struct.pack(">II", 9000, 9000),
        )
    return bytes(stream)


@pytest.mark.parametrize(
    "make",
    [
        *(lambda: Jpeg(50), lambda: Jpeg2000(1), lambda: WebP(50), WebPLossless, Png),
        *(lambda: Avif(50), lambda: Heic(40), lambda: JpegXL(70), JpegXLLossless),
    ],
)
def test_a_header_that_claims_a_huge_picture_is_refused_by_its_size(
    make: Callable[[], Codec],
) -> None:
    made, x = make(), photographs(1, 64)
    stream = claiming(made, x)
    assert stream != made.compress(x)[0]
    said = r"holds (60000x60000|1638[34]x1638[34]|9000x9000) pixels, expected 64x64|bomb"
    with pytest.raises(ContractError, match=said):
        made.decompress([stream], (64, 64))


# The wavelet.


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (5, 3), (17, 23), (64, 48)], ids=str)
@pytest.mark.parametrize("levels", [1, 5])
def test_the_wavelet_is_inverted_by_its_synthesis(size: tuple[int, int], levels: int) -> None:
    x = 255 * torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(3))
    smallest, details = analysis(x, levels)
    assert smallest.numel() + sum(b.numel() for apart in details for b in apart) == x.numel()
    torch.testing.assert_close(synthesis(smallest, details), x, rtol=0, atol=1e-3)


def test_the_filters_are_the_published_ones() -> None:
    """Taps of the 9/7 pair (ITU-T T.800 normalization: gains 1 and 2)."""
    low = (0.602949018236, 0.266864118443, -0.078223266529, -0.016864118443, 0.026748757411)
    high = (1.115087052457, -0.591271763114, -0.057543526229, 0.091271763114)
    impulses = torch.eye(64, dtype=torch.float64)
    lows, highs = split(impulses)  # row i: what the i-th sample adds to each output
    for distance, tap in enumerate(low):
        assert float(lows[32 + distance, 16]) == pytest.approx(tap, abs=1e-10)
        assert float(lows[32 - distance, 16]) == pytest.approx(tap, abs=1e-10)
    for distance, tap in enumerate(high):
        assert float(highs[33 + distance, 16]) == pytest.approx(tap, abs=1e-10)
        assert float(highs[33 - distance, 16]) == pytest.approx(tap, abs=1e-10)
    assert float(lows[:, 16].sum()) == pytest.approx(1, abs=1e-10)
    alternating = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(32)
    assert abs(float(alternating @ highs[:, 16])) == pytest.approx(2, abs=1e-10)


def test_a_cubic_has_no_details() -> None:
    """The analysis high-pass has four vanishing moments."""
    rows = torch.arange(64, dtype=torch.float64).div(64) ** 3
    low, high = split(rows)
    assert high[2:-2].abs().max() < 1e-12
    torch.testing.assert_close(merge(low, high), rows)


def test_a_ramp_is_gathered_in_few_values() -> None:
    x = torch.linspace(0, 255, 64).expand(1, 1, 64, 64)
    smallest, details = analysis(x, 3)
    energy = sum(float(band.square().sum()) for apart in details for band in apart)
    assert smallest.numel() == 64
    assert energy < 0.01 * float(smallest.square().sum())


@pytest.mark.parametrize("level", [1, 2, 4])
def test_the_norms_are_those_of_the_pictures(level: int) -> None:
    side = 32 * 2**level
    _, details = analysis(torch.zeros(1, 1, side, side, dtype=torch.float64), level)
    smallest = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    for which, norm in enumerate(norms(level)):
        band = details[-1][which]
        band[0, 0, 16, 16] = 1
        assert float(synthesis(smallest, details).norm()) == pytest.approx(norm, rel=1e-9)
        band.zero_()


def test_a_larger_share_loses_less() -> None:
    x = photographs(2)
    errors = [mse(jpeg2000_surrogate(x, share), x) for share in (0.001, 0.01, 0.1, 0.5)]
    for more, less in itertools.pairwise(errors):
        assert (less < more).all()
    assert (errors[-1] < 1e-4).all()


# Shrinkage and its fit.


def test_shrinkage_is_its_formula_and_its_gradient_is_the_gain() -> None:
    values = torch.tensor([0.0, 1.0, -2.0, 20.0], requires_grad=True)
    made = shrunk(values, 2.0)
    gains = torch.tensor([FLOOR, (0.25 + FLOOR) / 1.25, (1 + FLOOR) / 2, (100 + FLOOR) / 101])
    torch.testing.assert_close(made, values * gains)
    (slope,) = torch.autograd.grad(made.sum(), values)
    torch.testing.assert_close(slope, gains)


def test_the_lowest_point_is_found() -> None:
    found = lowest(lambda s: (math.log(s) - math.log(7)) ** 2, 0.25, 512)
    assert found == pytest.approx(7, rel=0.06)
    assert lowest(lambda s: s, 0.25, 512) == pytest.approx(0.25, rel=0.1)


def test_the_strength_fits_the_codec_and_not_another() -> None:
    weak, strong = WebP(80), WebP(10)
    assert strong.strength > 2 * weak.strength
    assert WebP(80).strength == weak.strength
    x = photographs()
    coded = strong.forward(x)
    assert mse(strong.surrogate(x), coded).mean() < mse(weak.surrogate(x), coded).mean()
    assert mse(block_surrogate(x, 256, subsampled=True), coded).mean() > mse(x, coded).mean()


def test_the_surrogate_is_nearer_to_the_codec_than_the_picture_is(codec: Fitted) -> None:
    """What the flag `surrogate-mismatch` measures, on photographs that it was not fitted on."""
    x = photographs()
    coded = codec.forward(x)
    ratio = mse(codec.surrogate(x), coded) / mse(x, coded)
    assert ratio.mean() < 0.8
    assert (ratio < 1).all()


@pytest.mark.parametrize(("smooth", "factor"), [(False, 1.3), (True, 1.02)])
def test_the_derivative_tells_how_the_codec_answers_a_change(
    codec: Fitted, smooth: bool, factor: float
) -> None:
    """Finite differences of the codec itself, along noise of 4 levels; the identity tells less."""
    x, generator = photographs(), torch.Generator().manual_seed(9)
    noise = torch.randn(4, 3, 32, 32, generator=generator)
    if smooth:
        noise = torch.nn.functional.interpolate(noise, scale_factor=4, mode="bilinear")
    else:
        noise = torch.randn(x.shape, generator=generator)
    changed = to_lattice(x + 4 / 255 * noise.sign())
    answer = codec.forward(changed) - codec.forward(x)
    _, told = torch.autograd.functional.jvp(codec.surrogate, x, changed - x)

    def agreement(direction: torch.Tensor) -> float:
        return float(torch.cosine_similarity(direction.flatten(), answer.flatten(), dim=0))

    assert agreement(told) > factor * agreement(changed - x) > 0


def test_a_step_along_the_gradient_moves_a_linear_model_further(codec: Fitted) -> None:
    """Than the step that ignores the codec; both are judged on the codec's own pictures."""
    x = photographs()
    w = torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(2))

    def score(images: torch.Tensor) -> torch.Tensor:
        return (codec.forward(images) * w).flatten(1).sum(1)

    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad((codec.surrogate(leaf) * w).sum(), leaf)
    followed, ignored = (to_lattice(x + 8 / 255 * way.sign()) for way in (slope, w.expand_as(x)))
    before = score(x)
    assert (score(followed) - before).mean() > 1.2 * (score(ignored) - before).mean() > 0


def test_the_gradient_is_alive_after_ten_rounds(codec: Fitted) -> None:
    x = photographs(1, 61).requires_grad_()
    y = x
    for _ in range(10):
        y = codec.surrogate(y)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad((y * weights).sum(), x)
    assert torch.isfinite(slope).all()
    assert (slope != 0).float().mean() > 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 8)], ids=str)
def test_a_surrogate_takes_any_size_and_a_flat_picture(
    codec: Fitted, size: tuple[int, int]
) -> None:
    x = torch.full((2, 3, *size), 0.5, requires_grad=True)
    y = codec.surrogate(x)
    torch.testing.assert_close(y, x, rtol=0, atol=0.01)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.isfinite(slope).all()
