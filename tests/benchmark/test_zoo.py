"""Compressai's zoo: its architectures, its files' layout, and its codecs as submissions."""

import hashlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from compressai.models import CompressionModel
from compressai.zoo import image
from torch import Tensor, nn

from benchmark.api.learned import Zoo
from benchmark.codecs.autoregressive import Autoregressive
from benchmark.defense import Codec
from benchmark.errors import CallError, DataError, UnknownNameError
from leaderboard.submission import load

SUBMISSIONS = Path(__file__).parents[2] / "submissions"
QUALITIES = {name: 6 if name.startswith("cheng") else 8 for name in image.model_urls}
FAMILIES = pytest.mark.parametrize("architecture", QUALITIES)

Shapes = dict[str, tuple[int, ...]]


def conv(name: str, before: int, after: int, size: int) -> Shapes:
    return {f"{name}.weight": (after, before, size, size), f"{name}.bias": (after,)}


def deconv(name: str, before: int, after: int, size: int) -> Shapes:
    return {f"{name}.weight": (before, after, size, size), f"{name}.bias": (after,)}


def gdn(name: str, width: int) -> Shapes:
    return {f"{name}.beta": (width,), f"{name}.gamma": (width, width)}


def density(width: int) -> Shapes:
    """Five layers of 1, 3, 3, 3, 3, 1 values, with a nonlinearity after the first four."""
    sides = (1, 3, 3, 3, 3, 1)
    shapes: Shapes = {"quantiles": (width, 1, 3)}
    for i in range(5):
        shapes[f"matrices.{i}"] = (width, sides[i + 1], sides[i])
        shapes[f"biases.{i}"] = (width, sides[i + 1], 1)
        if i < 4:
            shapes[f"factors.{i}"] = (width, sides[i + 1], 1)
    return {f"entropy_bottleneck.{name}": shape for name, shape in shapes.items()}


def transforms(n: int, m: int) -> Shapes:
    """Four 5x5 layers each way, with (inverse) GDN between them."""
    shapes: Shapes = {}
    for i in range(4):
        shapes |= conv(f"g_a.{2 * i}", n if i else 3, n if i < 3 else m, 5)
        shapes |= deconv(f"g_s.{2 * i}", n if i else m, n if i < 3 else 3, 5)
        if i < 3:
            shapes |= gdn(f"g_a.{2 * i + 1}", n) | gdn(f"g_s.{2 * i + 1}", n)
    return shapes


def hyper(n: int, m: int, widths: tuple[int, int, int]) -> Shapes:
    analysis = conv("h_a.0", m, n, 3) | conv("h_a.2", n, n, 5) | conv("h_a.4", n, n, 5)
    first, second, third = widths
    up = deconv("h_s.0", n, first, 5) | deconv("h_s.2", first, second, 5)
    return density(n) | analysis | up | conv("h_s.4", second, third, 3)


def context(m: int) -> Shapes:
    widths = (4 * m, 10 * m // 3, 8 * m // 3, 2 * m)
    shapes = conv("context_prediction", m, 2 * m, 5)
    for i in range(3):
        shapes |= conv(f"entropy_parameters.{2 * i}", widths[i], widths[i + 1], 1)
    return shapes


def factorized(n: int, m: int) -> Shapes:
    return transforms(n, m) | density(m)


def scale(n: int, m: int) -> Shapes:
    return transforms(n, m) | hyper(n, m, (n, n, m))


def mean(n: int, m: int) -> Shapes:
    return transforms(n, m) | hyper(n, m, (m, 3 * m // 2, 2 * m))


def joint(n: int, m: int) -> Shapes:
    return mean(n, m) | context(m)


def residual(name: str, n: int) -> Shapes:
    return conv(f"{name}.conv1", n, n, 3) | conv(f"{name}.conv2", n, n, 3)


def down(name: str, before: int, n: int) -> Shapes:
    shapes = conv(f"{name}.conv1", before, n, 3) | conv(f"{name}.conv2", n, n, 3)
    return shapes | gdn(f"{name}.gdn", n) | conv(f"{name}.skip", before, n, 1)


def up(name: str, n: int) -> Shapes:
    shapes = conv(f"{name}.subpel_conv.0", n, 4 * n, 3) | conv(f"{name}.conv", n, n, 3)
    return shapes | gdn(f"{name}.igdn", n) | conv(f"{name}.upsample.0", n, 4 * n, 3)


def attention(name: str, n: int) -> Shapes:
    shapes = conv(f"{name}.conv_b.3", n, n, 1)
    for unit in (f"{name}.conv_{branch}.{i}.conv" for branch in "ab" for i in range(3)):
        shapes |= conv(f"{unit}.0", n, n // 2, 1) | conv(f"{unit}.2", n // 2, n // 2, 3)
        shapes |= conv(f"{unit}.4", n // 2, n, 1)
    return shapes


def cheng(n: int, analysis: str, synthesis: str) -> Shapes:
    """Layers by a letter each: d(own), u(p), r(esidual), a(ttention), and a 3x3 convolution."""
    shapes = density(n) | context(n)
    for i, width in enumerate((n, n, n, n, n)):
        shapes |= conv(f"h_a.{2 * i}", n, width, 3)
    widths = ((n, n), (n, 4 * n), (n, 3 * n // 2), (3 * n // 2, 6 * n), (3 * n // 2, 2 * n))
    for i, (before, after) in enumerate(widths):
        inner = ".0" if i in (1, 3) else ""
        shapes |= conv(f"h_s.{2 * i}{inner}", before, after, 3)
    for part, letters in (("g_a", analysis), ("g_s", synthesis)):
        for i, letter in enumerate(letters):
            name = f"{part}.{i}"
            shapes |= {
                "d": lambda name=name, i=i: down(name, n if i else 3, n),
                "u": lambda name=name: up(name, n),
                "r": lambda name=name: residual(name, n),
                "a": lambda name=name: attention(name, n),
                "c": lambda name=name, part=part: (
                    conv(name, n, n, 3) if part == "g_a" else conv(f"{name}.0", n, 12, 3)
                ),
            }[letter]()
    return shapes


LAYOUTS: Mapping[str, Callable[..., Shapes]] = {
    "bmshj2018-factorized": factorized,
    "bmshj2018-hyperprior": scale,
    "mbt2018-mean": mean,
    "mbt2018": joint,
    "cheng2020-anchor": lambda n: cheng(n, "drdrdrc", "rururu" + "rc"),
    "cheng2020-attn": lambda n: cheng(n, "drdardrca", "arurua" + "rurc"),
}
PARAMETERS = {
    "bmshj2018-factorized": (2_998_147, 7_030_531),
    "bmshj2018-hyperprior": (5_075_843, 11_816_323),
    "mbt2018-mean": (7_028_003, 17_561_699),
    "mbt2018": (14_130_467, 25_504_596),
    "cheng2020-anchor": (11_833_149, 26_598_956),
    "cheng2020-attn": (13_183_293, 29_631_788),
}


@FAMILIES
def test_parameters_are_those_of_the_papers_layers(architecture: str) -> None:
    """Names, shapes and number, at the lowest and the highest quality, layer by layer."""
    for quality, count in zip((1, QUALITIES[architecture]), PARAMETERS[architecture], strict=True):
        widths = image.cfgs[architecture][quality]
        network = image.model_architectures[architecture](*widths)
        found = {name: tuple(value.shape) for name, value in network.named_parameters()}
        assert found == LAYOUTS[architecture](*widths)
        assert sum(value.numel() for value in network.parameters()) == count


def network(architecture: str, quality: int, seed: int = 0) -> CompressionModel:
    """Random weights, with latents that do not all round to 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = image.model_architectures[architecture](*image.cfgs[architecture][quality])
    last = [layer for layer in made.g_a if isinstance(layer, nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight *= 2 / made.g_a(picture()).std()
    made.update()
    return made.eval()


def picture() -> Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def old(name: str) -> str:
    """A parameter's name in the published files: before compressai 1.2, on several GPUs."""
    for now, then in (("matrices", "_matrix"), ("biases", "_bias"), ("factors", "_factor")):
        name = name.replace(f"entropy_bottleneck.{now}.", f"entropy_bottleneck.{then}")
    return "module." + name.replace(".skip.", ".downsample.")


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CompressionModel]:
    """Makes random weights the published ones: the file, named by its hash, and the address."""
    (tmp_path / "weights").mkdir()
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(tmp_path))

    def publish(architecture: str, quality: int = 1, metric: str = "mse") -> CompressionModel:
        made = network(architecture, quality)
        path = tmp_path / "weights" / "file"
        torch.save({old(name): value for name, value in made.state_dict().items()}, path)
        digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        name = f"{architecture}-{metric}-{quality}-{digits}.pth.tar"
        path.rename(path.with_name(name))
        address = f"https://example.org/{name}"
        monkeypatch.setitem(image.model_urls[architecture][metric], quality, address)
        return made

    return publish


def submitted(name: str, parameters: Mapping[str, Any]) -> Codec:
    """The class that a submission's manifest names, made as the worker makes it."""
    submission = load(SUBMISSIONS / name)
    spec = importlib.util.spec_from_file_location(name, submission.source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Codec = getattr(module, submission.class_name)(**parameters)
    return made


@FAMILIES
def test_a_submission_runs_with_weights_in_the_published_layout(
    architecture: str, published: Callable[..., CompressionModel]
) -> None:
    model = published(architecture)
    variant = load(SUBMISSIONS / architecture).variant("q1")
    codec = submitted(architecture, variant.parameters)
    x = picture()[..., :50]
    streams = codec.compress(x)
    x_hat = codec.decompress(streams, (64, 50))
    assert torch.equal(x_hat, codec(x))
    assert 8 * len(streams[0]) > 1000
    assert not torch.allclose(x_hat, codec(1 - x))
    padded = torch.cat([x, x[..., -1:].expand(-1, -1, -1, 14)], 3)
    with torch.no_grad():
        coded = model.compress(padded)
        theirs: Tensor = model.decompress(coded["strings"], coded["shape"])["x_hat"]
    torch.testing.assert_close(x_hat, theirs[..., :50], rtol=0, atol=1e-5)


@FAMILIES
def test_every_rate_point_is_a_variant_with_a_file(architecture: str) -> None:
    """Each variant's parameters name one file, pinned by 8 digits, and no two name the same."""
    manifest = load(SUBMISSIONS / architecture).manifest
    assert manifest.defense.kind == "codec"
    assert manifest.defense.gradient == "exact"
    addresses = {}
    for variant in manifest.variants:
        given = {"metric": "mse"} | variant.parameters
        suffix = "" if given["metric"] == "mse" else "-ms-ssim"
        assert variant.id == f"q{given['quality']}{suffix}"
        addresses[variant.id] = image.model_urls[architecture][given["metric"]][given["quality"]]
    assert len(set(addresses.values())) == len(addresses) == 2 * QUALITIES[architecture]
    for address in addresses.values():
        digits = address.removesuffix(".pth.tar").rsplit("-", 1)[1]
        assert len(digits) == 8
        assert int(digits, 16) >= 0


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """In today's names as well; a context model is wrapped."""
    made = network("mbt2018", 1, seed=5)
    torch.save(made.state_dict(), tmp_path / "own.pth")
    codec = Zoo("mbt2018", 1, weights=tmp_path / "own.pth")
    assert isinstance(codec.model, Autoregressive)
    loaded = codec.model.model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in made.state_dict().items())


def test_the_file_must_be_that_of_the_quality(tmp_path: Path) -> None:
    torch.save(network("mbt2018-mean", 8).state_dict(), tmp_path / "q8.pth")
    with pytest.raises(DataError, match=r"q8\.pth does not fit mbt2018-mean of quality 1: .*size"):
        Zoo("mbt2018-mean", 1, weights=tmp_path / "q8.pth")
    torch.save({"g_a.0.weight": torch.zeros(1)}, tmp_path / "one.pth")
    with pytest.raises(DataError, match=r"one\.pth does not fit mbt2018-mean of quality 1"):
        Zoo("mbt2018-mean", 1, weights=tmp_path / "one.pth")


def test_an_altered_file_is_refused(
    published: Callable[..., CompressionModel], tmp_path: Path
) -> None:
    published("bmshj2018-factorized", 2, "ms-ssim")
    (path,) = (tmp_path / "weights").iterdir()
    with path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(
        DataError, match=r"has sha256 .* at its beginning; put the right file there"
    ):
        submitted("bmshj2018-factorized", {"quality": 2, "metric": "ms-ssim"})


def test_an_absent_file_is_named_with_its_address() -> None:
    with pytest.raises(DataError) as caught:
        Zoo("cheng2020-attn", 6)
    said = str(caught.value)
    assert "cheng2020_attn-mse-6-730501f2.pth.tar is missing: looked for" in said
    assert "https://compressai.s3.amazonaws.com/models/v1/cheng2020_attn-mse-6-730501f2" in said


def test_what_a_wrong_call_says() -> None:
    with pytest.raises(
        UnknownNameError, match="unknown architecture 'mbt2018-means'; did you mean"
    ):
        Zoo("mbt2018-means", 1)
    with pytest.raises(CallError, match="cheng2020-attn of quality 7: expected 1 to 6"):
        Zoo("cheng2020-attn", 7)
    with pytest.raises(UnknownNameError, match="unknown metric 'psnr'"):
        Zoo("mbt2018", 1, "psnr")
