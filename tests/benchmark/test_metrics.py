"""Measures: closed forms, peers on the same pictures, published figures; one value an image."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import pytorch_msssim
import torch
import torchvision
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor
from torch.nn import functional

from benchmark.codecs.pillow import Jpeg
from benchmark.datasets import kodak, photos
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.geometry import from_bytes
from benchmark.metrics import lpips
from benchmark.metrics import ms_ssim as multiscale
from benchmark.metrics.bits_per_pixel import bits_per_pixel
from benchmark.metrics.ms_ssim import ms_ssim
from benchmark.metrics.pairs import check_pair
from benchmark.metrics.psnr import psnr
from benchmark.metrics.table import METRICS


def photographs(height: int = 256, width: int = 256, n: int = 3) -> Tensor:
    loaded = photos.load()
    pixels = np.stack([loaded.read(i)[:height, :width] for i in range(n)])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2))


def test_bits_per_pixel() -> None:
    found = bits_per_pixel([b"0123456789", b"", b"x"], (4, 5))
    assert found.tolist() == [4.0, 0.0, 0.4]
    with pytest.raises(CallError, match="bits per pixel of 0x5 pixels: expected at least 1x1"):
        bits_per_pixel([b""], (0, 5))


def test_psnr_in_closed_form() -> None:
    x = torch.full((3, 3, 8, 8), 0.5)
    x_hat = x + torch.tensor([0.1, 0.01, 0.0]).view(3, 1, 1, 1)
    found = psnr(x, x_hat)
    torch.testing.assert_close(found[:2], torch.tensor([20.0, 40.0]).double(), atol=1e-4, rtol=0)
    assert found[2] == torch.inf
    one = torch.zeros(1, 3, 512, 768)
    other = one.clone()
    other[0, 1, 7, 7] = 1 / 255  # one channel of one pixel, by one grey level
    expected = 10 * np.log10(255**2 * 3 * 512 * 768)
    assert float(psnr(one, other)) == pytest.approx(expected, abs=1e-4)


def test_psnr_is_that_of_scikit_image() -> None:
    x = photographs()
    x_hat = Jpeg(25).forward(x)
    peers = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1)
        for a, b in zip(x, x_hat, strict=True)
    ]
    assert psnr(x, x_hat).tolist() == pytest.approx(peers, abs=1e-4)


@pytest.mark.parametrize(("height", "width"), [(161, 256), (176, 176), (255, 199), (256, 256)])
@pytest.mark.parametrize("quality", [5, 50])
def test_ms_ssim_is_that_of_its_peer(height: int, width: int, quality: int) -> None:
    x = photographs(height, width)
    x_hat = Jpeg(quality).forward(x)
    peer = pytorch_msssim.ms_ssim(x, x_hat, data_range=1, size_average=False)
    torch.testing.assert_close(ms_ssim(x, x_hat), peer, atol=2e-6, rtol=0)


def test_ms_ssim_has_the_scales_that_fit() -> None:
    limits = {10: 0, 11: 1, 20: 1, 21: 2, 40: 2, 41: 3, 80: 3, 81: 4, 160: 4, 161: 5, 4000: 5}
    assert {side: multiscale.scales(side, 5000) for side in limits} == limits
    assert multiscale.scales(300, 64) == 3


def test_ms_ssim_of_small_pictures_by_hand() -> None:
    """Three scales at 64 pixels, from a peer's maps of one scale each."""
    peer = importlib.import_module("pytorch_msssim.ssim")
    window = peer._fspecial_gauss_1d(11, 1.5).repeat(3, 1, 1, 1)
    x = photographs(64, 72)
    x_hat = Jpeg(20).forward(x)
    factors = []
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001)):
        a, b = (functional.avg_pool2d(part, 2**scale) for part in (x, x_hat))
        similarity, contrast = peer._ssim(a, b, data_range=1.0, win=window)
        kept = similarity if scale == 2 else contrast
        factors.append(kept.relu() ** (weight * 1.0001 / 0.6305))
    expected = torch.stack(factors).prod(0).mean(1)
    torch.testing.assert_close(ms_ssim(x, x_hat), expected, atol=2e-5, rtol=0)
    tiny = x[:, :1, :15, :15], x_hat[:, :1, :15, :15]
    single = pytorch_msssim.ssim(*tiny, data_range=1, size_average=False)
    torch.testing.assert_close(ms_ssim(*tiny), single**1.0001, atol=1e-4, rtol=0)


def test_ms_ssim_of_identical_and_of_inverted_pictures() -> None:
    x = photographs(176, 176)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(3))
    assert (ms_ssim(x, 1 - x) == 0).all()  # negative similarity counts as none


def published(features: torch.nn.Module, widths: tuple[int, ...]) -> dict[str, Tensor]:
    """Random weights under the names that torchvision and the authors publish."""
    generator = torch.Generator().manual_seed(1)
    weights = {f"features.{name}": tensor for name, tensor in features.state_dict().items()}
    for i, width in enumerate(widths):
        weights[f"lin{i}.model.1.weight"] = torch.rand(1, width, 1, 1, generator=generator)
    return weights


def alexnet() -> tuple[torch.nn.Module, tuple[int, ...], tuple[int, ...]]:
    features = torchvision.models.alexnet(weights=None).features
    return features, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256)


def vgg() -> tuple[torch.nn.Module, tuple[int, ...], tuple[int, ...]]:
    layers = torchvision.models.vgg
    features = layers.make_layers(layers.cfgs["D"], batch_norm=False)
    return features, (3, 8, 15, 22, 29), (64, 128, 256, 512, 512)


@pytest.mark.parametrize(("name", "make"), [("alex", alexnet), ("vgg", vgg)])
def test_lpips_by_hand(name: str, make: object) -> None:
    """The definition on torchvision's own layers, with the authors' shift and scale."""
    assert callable(make)
    torch.manual_seed(0)
    features, places, widths = make()
    weights = published(features, widths)
    measure = lpips.filled(lpips.Lpips(name), weights)
    x = photographs(72, 64, 2)
    x_hat = Jpeg(10).forward(x)
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    expected = torch.zeros(2)
    for i, place in enumerate(places):
        ours, theirs = (
            functional.normalize(features[: place + 1]((2 * part - 1 - shift) / scale))
            for part in (x, x_hat)
        )
        linear = weights[f"lin{i}.model.1.weight"].flatten()
        expected += torch.einsum("nchw,c->nhw", (ours - theirs) ** 2, linear).mean((1, 2)).detach()
    torch.testing.assert_close(measure(x, x_hat), expected, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(measure(x_hat, x), measure(x, x_hat))
    assert measure(x, x).tolist() == [0, 0]


def test_lpips_draws_nothing_from_the_global_generator() -> None:
    before = torch.get_rng_state()
    first, second = lpips.Lpips("alex"), lpips.Lpips("alex")
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.linear[0], second.linear[0])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_lpips_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in the layout of the published ones, found in the data folder by name and hash."""
    features, _, widths = alexnet()
    weights = published(features, widths)
    folder = tmp_path / "weights"
    folder.mkdir()
    kept = {name: t for name, t in weights.items() if name.startswith("features.")}
    torch.save(kept | {"classifier.1.weight": torch.zeros(2, 2)}, folder / "backbone.pth")
    linear = folder / "lpips-alex-v0.1.pth"
    torch.save({name: t for name, t in weights.items() if name.startswith("lin")}, linear)
    named = f"alexnet-{digest(folder / 'backbone.pth')[:8]}.pth"
    (folder / "backbone.pth").rename(folder / named)
    known = lpips.BACKBONES["alex"]
    pinned = known._replace(url=f"https://example.org/{named}", sha256=digest(linear))
    monkeypatch.setattr(lpips, "BACKBONES", {"alex": pinned})
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))
    lpips._loaded.cache_clear()
    x = photographs(64, 64)
    x_hat = Jpeg(10).forward(x)
    expected = lpips.filled(lpips.Lpips("alex"), weights)(x, x_hat)
    torch.testing.assert_close(METRICS["lpips-alex"](x, x_hat), expected)
    linear.write_bytes(b"altered")
    lpips._loaded.cache_clear()
    with pytest.raises(DataError, match=r"lpips-alex-v0\.1\.pth has sha256"):
        METRICS["lpips-alex"](x, x_hat)


def test_weights_of_lpips_that_are_not_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    features, _, widths = alexnet()
    weights = published(features, widths)
    measure = lpips.Lpips("alex")
    name = "lin2.model.1.weight"
    for altered, message in (
        ({name: -weights[name]}, "a linear one is negative"),
        ({name: weights[name][:, :5]}, r"\(1, 5, 1, 1\) as lin2.model.1.weight, expected \(1, 38"),
        ({name: None}, "LPIPS weights hold nothing as lin2.model.1.weight"),
    ):
        given = {k: v for k, v in (weights | altered).items() if v is not None}
        with pytest.raises(DataError, match=message):
            lpips.filled(measure, given)
    with pytest.raises(UnknownNameError, match="unknown LPIPS backbone 'alexnet'; did you mean"):
        lpips.Lpips("alexnet")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match=r"alexnet-owt-7be5be79\.pth is missing: looked for"):
        lpips.load("alex")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(importlib.util.find_spec("lpips") is None, reason="lpips is not installed")
@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_lpips_is_that_of_its_authors(name: str) -> None:
    """Their package with its linear weights, on a random backbone."""
    peer = importlib.import_module("lpips").LPIPS(net=name, pnet_rand=True, verbose=False)
    backbone = {
        "features." + layer.split(".", 1)[1]: tensor
        for layer, tensor in peer.net.state_dict().items()
    }
    linear = lpips.read_weights(lpips._linear(name), lpips.BACKBONES[name].sha256)
    measure = lpips.filled(lpips.Lpips(name), {**backbone, **linear})
    x = photographs(80, 64)
    x_hat = Jpeg(10).forward(x)
    expected = peer(x, x_hat, normalize=True).flatten().detach()
    torch.testing.assert_close(measure(x, x_hat), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", ["psnr", "ms-ssim"])
def test_each_image_has_its_own_value(name: str) -> None:
    x = photographs(96, 96)
    x_hat = torch.cat(
        [Jpeg(quality).forward(x[i : i + 1]) for i, quality in enumerate((5, 50, 95))]
    )
    together = METRICS[name](x, x_hat)
    alone = torch.cat([METRICS[name](x[i : i + 1], x_hat[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone)
    assert together[0] < together[1] < together[2]


def test_what_no_measure_takes() -> None:
    x = torch.rand(2, 3, 12, 12)
    with pytest.raises(CallError, match=r"psnr of images \(2, 3, 12, 12\) and \(1, 3, 12, 12\)"):
        check_pair(x, x[:1], 1, "psnr")
    with pytest.raises(CallError, match="ms_ssim of 12x10 pixels: expected at least 11 a side"):
        ms_ssim(x[..., :10], x[..., :10])
    with pytest.raises(CallError, match="lpips of 12x12 pixels: expected at least 31 a side"):
        lpips.Lpips("alex")(x, x)


@pytest.mark.real
def test_jpeg_on_kodak_has_the_published_figures(
    real_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Means over the 24 images, as the folder's README has them for Pillow."""
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(real_folder))
    pictures = kodak.load()
    for quality, rate, decibel in ((30, 0.660, 30.49), (50, 0.906, 32.17), (75, 1.368, 34.52)):
        rates, decibels = [], []
        codec = Jpeg(quality)
        for i in range(len(pictures)):
            x = from_bytes(torch.from_numpy(pictures.read(i).copy()).permute(2, 0, 1)[None])
            streams, size = codec.compress(x), (x.shape[2], x.shape[3])
            rates.append(bits_per_pixel(streams, size))
            decibels.append(psnr(x, codec.decompress(streams, size)))
        assert len(rates) == 24
        assert float(torch.cat(rates).mean()) == pytest.approx(rate, abs=0.001)
        assert float(torch.cat(decibels).mean()) == pytest.approx(decibel, abs=0.01)
