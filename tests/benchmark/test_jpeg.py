"""JPEG: real bytes, and a stand-in that stays close to them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.codecs.jpeg_surrogate import jpeg_surrogate, to_rgb, to_ycbcr
from benchmark.codecs.pillow import Jpeg
from benchmark.datasets import photos
from benchmark.errors import CallError, ContractError
from benchmark.geometry import from_bytes, to_bytes


def photographs(n: int = 3, height: int = 256, width: int = 256) -> torch.Tensor:
    loaded = photos.load()
    pixels = np.stack([loaded.read(i)[:height, :width] for i in range(n)])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2))


def psnr(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return -10 * torch.log10(((x - other) ** 2).flatten(1).mean(1))


def test_the_bytes_are_pillows() -> None:
    x = photographs(1)
    (stream,) = Jpeg(25).compress(x)
    buffer = io.BytesIO()
    picture = Image.fromarray(to_bytes(x)[0].permute(1, 2, 0).numpy())
    picture.save(buffer, "JPEG", quality=25, subsampling="4:2:0")
    assert stream == buffer.getvalue()
    decoded = np.asarray(Image.open(io.BytesIO(stream)))
    assert np.array_equal(to_bytes(Jpeg(25).forward(x))[0].permute(1, 2, 0).numpy(), decoded)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (17, 31), (64, 48), (256, 256)])
def test_round_trip_of_any_size(subsampling: str, height: int, width: int) -> None:
    x = photographs(2, height, width)
    x_hat = Jpeg(95, subsampling=subsampling).forward(x)
    assert x_hat.shape == x.shape
    assert (psnr(x, x_hat) > 25).all()


@pytest.mark.parametrize(("quality", "decibel"), [(5, 35), (10, 40), (25, 40), (50, 40), (95, 40)])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_the_surrogate_is_close_to_the_bytes(
    quality: int, decibel: float, subsampling: str
) -> None:
    """They differ by rounding only; at quality 5 one step of a coefficient is 20 grey levels."""
    x = photographs(4, 250, 245)
    codec = Jpeg(quality, subsampling=subsampling)
    assert (psnr(codec.surrogate(x), codec.forward(x)) > decibel).all()


def test_the_surrogate_has_a_gradient_everywhere_after_ten_rounds() -> None:
    x = photographs(1, 64, 64).requires_grad_()
    y = x
    for _ in range(10):
        y = jpeg_surrogate(y, 25)
    (slope,) = torch.autograd.grad((y * torch.randn_like(y)).sum(), x)
    assert torch.isfinite(slope).all()
    assert (slope != 0).float().mean() > 0.9


def test_color_conversion_is_that_of_t871() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    expected = torch.tensor([76.245, -43.028, 127.5]).view(1, 3, 1, 1)
    torch.testing.assert_close(to_ycbcr(red), expected, rtol=0, atol=0.01)
    x = photographs(1, 16, 16)
    torch.testing.assert_close(to_rgb(to_ycbcr(x)), x, rtol=0, atol=1e-5)


@pytest.mark.parametrize("broken", [b"", b"no picture", "truncated", "png"])
def test_a_damaged_stream_is_an_error(broken: bytes | str) -> None:
    x = photographs(1, 64, 64)
    (stream,) = Jpeg(50).compress(x)
    if broken == "truncated":
        broken = stream[: len(stream) // 2]
    elif broken == "png":
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64)).save(buffer, "PNG")
        broken = buffer.getvalue()
    assert isinstance(broken, bytes)
    with pytest.raises(ContractError, match="does not decode as JPEG"):
        Jpeg(50).decompress([broken], (64, 64))


def test_a_stream_of_another_size_is_an_error() -> None:
    streams = Jpeg(50).compress(photographs(1, 64, 64))
    with pytest.raises(ContractError, match="holds 64x64 pixels, expected 32x64"):
        Jpeg(50).decompress(streams, (32, 64))


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_out_of_range(quality: int) -> None:
    with pytest.raises(CallError, match="expected 1 to 100"):
        Jpeg(quality)
