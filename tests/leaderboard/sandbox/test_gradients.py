"""What a box answers is what the plugin answers in this process, to the last bit."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.codec_track.features import disrupted, layered
from benchmark.defense import Codec, Plugin, SelectingCodec
from benchmark.draws import seeded
from benchmark.errors import ContractError
from benchmark.estimators import (
    ESTIMATORS,
    GRADIENTS,
    admitted,
    estimator,
    rounding_with_slope,
)
from benchmark.replacement import Replacement
from leaderboard.sandbox import proxies
from leaderboard.sandbox.loading import PluginSpec, load
from leaderboard.submission import load as load_submission
from tests.boxes import SUBMISSIONS, boxed, spec_of, written

pytestmark = pytest.mark.usefixtures("sandbox")

LEARNED = """
from benchmark.api import straight_through_round


class Own(Codec):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.kernel = torch.randn(3, 3, 3, 3, generator=generator) / 5

    def latents(self, x: Images) -> Images:
        return torch.nn.functional.conv2d(x, self.kernel, padding=1) * 20

    def picture(self, y: Images) -> Images:
        return torch.nn.functional.conv_transpose2d(y / 20, self.kernel, padding=1).clamp(0, 1)

    def compress(self, x: Images) -> list[bytes]:
        return [one.to(torch.int8).numpy().tobytes() for one in torch.round(self.latents(x))]

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        read = [torch.frombuffer(bytearray(s), dtype=torch.int8).view(3, *size) for s in streams]
        return self.picture(torch.stack(read).float())

    def forward(self, x: Images) -> Images:
        return self.picture(torch.round(self.latents(x)))

    def likelihood_bits(self, x: Images) -> torch.Tensor:
        return (1 + straight_through_round(self.latents(x)).abs()).log2().flatten(1).sum(1)
""".replace(
    "from benchmark.api import straight_through_round",
    ("from benchmark.gradients import straight_through_round"),
)
SELECTING = """
from benchmark.api import Selecting


class Own(Selecting):
    def forward(self, x: Images) -> Images:
        versions, costs = self.candidates(x)
        return versions[costs.argmin(0), torch.arange(len(x))]

    def candidates(self, x: Images) -> tuple[torch.Tensor, torch.Tensor]:
        versions = torch.stack([x * x, x.sqrt(), 1 - x])
        return versions, versions.flatten(2).std(2)
"""
REAL = {
    "jpeg": "q25",
    "sequential-jpeg": "q25x10",
    "random-resize": "0.9",
    "shield": None,
    "vaccinated-ensemble": None,
    "bit-depth": None,
    "gaussian-blur": None,
    "webp": None,
}
OWN = {"learned": (LEARNED, "codec", "exact"), "selecting": (SELECTING, "purifier", "exact")}


def images(*, channels_last: bool = False) -> Tensor:
    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(7))
    return x.to(memory_format=torch.channels_last) if channels_last else x


class Seeded:
    """The plugin itself, each of whose calls is given the seed that a servant would be given."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    def mapped(self, name: str, x: Tensor) -> Tensor:
        if name == "identity":  # asks for `forward` alone
            with torch.no_grad(), seeded("call", proxies.fresh_seed()):
                y = self.plugin.forward(x)
            return x + (y - x).detach()
        with seeded("call", proxies.fresh_seed()):
            return ESTIMATORS[name](self.plugin)(x)


def value_and_gradient(mapped: object, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    with seeded("test"):
        y = mapped(x)  # type: ignore[operator]
    weights = torch.linspace(-1, 1, y.numel()).view(y.shape)
    (slope,) = torch.autograd.grad((weights * y).sum(), x)
    return y.detach(), slope


def compare(spec: PluginSpec, gradient: str) -> None:
    plain = load(spec).eval()
    with boxed(spec) as remote:
        names = admitted(plain, gradient, images())
        assert admitted(remote, gradient, images()) == names
        assert set(GRADIENTS[gradient]) <= set(names)
        for name in names:
            for x in (images(), images(channels_last=True)):
                if spec.kind == "classifier" and name == "identity":
                    continue  # below
                expected = value_and_gradient(lambda x: Seeded(plain).mapped(name, x), x)  # noqa: B023
                found = value_and_gradient(estimator(name, remote), x)
                for one, other in zip(found, expected, strict=True):
                    assert torch.equal(one, other), name
                    assert one.stride() == other.stride(), name
                assert float(found[1].abs().max()) > 0 or gradient == "exact"
        with torch.no_grad(), seeded("value"):
            value = remote.forward(images())
        with torch.no_grad(), seeded("value"), seeded("call", proxies.fresh_seed()):
            assert torch.equal(value, plain.forward(images()))


@pytest.mark.parametrize("name", REAL)
def test_a_real_submission(name: str) -> None:
    folder = SUBMISSIONS / name
    gradient = load_submission(folder).manifest.defense.gradient
    compare(spec_of(folder, REAL[name]), gradient)


def test_a_learned_codec_with_its_real_weights(
    real_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(real_folder))
    compare(spec_of(SUBMISSIONS / "bls2017", None), "exact")


@pytest.mark.parametrize("name", OWN)
def test_kinds_that_no_small_submission_has(name: str, tmp_path: Path) -> None:
    body, kind, gradient = OWN[name]
    compare(written(tmp_path, body, kind=kind), gradient)


def test_a_codec_s_streams_and_likelihood(tmp_path: Path) -> None:
    spec = written(tmp_path, LEARNED, kind="codec")
    plain, x = load(spec), images()
    assert isinstance(plain, Codec)
    with boxed(spec) as remote:
        assert isinstance(remote, Codec)
        streams = remote.compress(x)
        assert streams == plain.compress(x)
        assert torch.equal(
            remote.decompress(streams, (64, 64)), plain.decompress(streams, (64, 64))
        )
        for one, other in zip(
            value_and_gradient(remote.likelihood_bits, x),
            value_and_gradient(plain.likelihood_bits, x),
            strict=True,
        ):
            assert torch.equal(one, other)


def looks(codec: Codec) -> dict[str, Callable[[Tensor], Tensor]]:
    """Whatever the codec track asks of a codec, as one tensor each."""

    def joined(outputs: Iterable[Tensor]) -> Tensor:
        return torch.cat([one.flatten() for one in outputs])

    found: dict[str, Callable[[Tensor], Tensor]] = {
        "coded": lambda x: joined(codec.coded(x)),
        "picture alone": lambda x: codec.coded(x).x_hat,
        "bits alone": lambda x: codec.coded(x).bits,
        "padded": codec.padded,
    }
    if isinstance(codec, SelectingCodec):
        found["branches"] = lambda x: joined(codec.branches(x, 2))
        found["costs alone"] = lambda x: codec.branches(x).costs
    if layered(codec):
        found["features"] = lambda x: disrupted(codec)(x, 2)
    return found


def alike(plain: Codec, remote: Codec, x: Tensor) -> None:
    found, expected = looks(remote), looks(plain)
    assert list(found) == list(expected)
    assert plain.trade_off == remote.trade_off
    assert (plain.randomized, plain.has_likelihood) == (remote.randomized, remote.has_likelihood)
    for name, mapped in found.items():

        def given(x: Tensor, name: str = name) -> Tensor:
            with seeded("call", proxies.fresh_seed()), rounding_with_slope():
                return expected[name](x)

        ours, theirs = value_and_gradient(mapped, x), value_and_gradient(given, x)
        for one, other in zip(ours, theirs, strict=True):
            assert torch.equal(one, other), name
        with torch.no_grad(), seeded("test"):
            value = mapped(x)
        with torch.no_grad(), seeded("test"):
            assert torch.equal(given(x), value), name


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("jpeg", "q25"),
        ("mini-mbt2018-mean", "high"),
        ("naive-randomization", "mini-mbt2018-mean-high"),
        ("k-way", "mini-mbt2018-mean-high-k4"),
    ],
)
def test_what_the_codec_track_looks_at(name: str, variant: str) -> None:
    """Of the codec, and of the one behind its defense."""
    spec, x = spec_of(SUBMISSIONS / name, variant), images()[:1, :, :40, :52]
    plain = load(spec).eval()
    assert isinstance(plain, Codec)
    with boxed(spec) as remote:
        assert isinstance(remote, Codec)
        alike(plain, remote, x)
        assert (plain.bare() is plain) == (remote.bare() is remote)
        if plain.bare() is not plain:
            alike(plain.bare(), remote.bare(), x)
            with pytest.raises(ContractError, match="streams of the codec behind it"):
                remote.bare().compress(x)


def test_a_classifier_s_identity_is_the_gradient_of_the_one_it_replaces() -> None:
    spec = spec_of(SUBMISSIONS / "vaccinated-ensemble")
    replaced = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64 * 64, 10))
    with boxed(spec) as remote:
        results = [
            value_and_gradient(
                estimator("identity", Replacement(plugin, replaced, range(10))), images()
            )  # type: ignore[arg-type]
            for plugin in (remote, load(spec).eval())
        ]
    assert torch.equal(results[0][1], results[1][1])
    assert torch.equal(results[0][0], results[1][0])


def test_a_gradient_may_be_asked_for_again_and_in_any_order() -> None:
    """As DeepFool does, which follows every class of one forward pass."""
    spec = spec_of(SUBMISSIONS / "gaussian-blur")
    x = images().requires_grad_()
    with boxed(spec) as remote:
        mapped = estimator("exact", remote)
        first, second = mapped(x), mapped(x / 2)
        weights = torch.rand_like(x)
        (one,) = torch.autograd.grad((weights * first).sum(), x, retain_graph=True)
        (two,) = torch.autograd.grad((weights * second).sum(), x)
        (again,) = torch.autograd.grad((weights * first).sum(), x)
    assert torch.equal(one, again)
    torch.testing.assert_close(two, one / 2)


def test_what_depends_on_no_pixel_has_no_gradient(tmp_path: Path) -> None:
    body = (
        "class Own(Defense):\n    def forward(self, x: Images) -> Images:\n"
        "        return torch.full_like(x.detach(), 0.5)\n"
    )
    with boxed(written(tmp_path, body)) as remote:
        y = estimator("exact", remote)(images().requires_grad_())
    assert not y.requires_grad
    assert float(y.mean()) == 0.5
