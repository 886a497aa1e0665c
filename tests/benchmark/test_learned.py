"""Learned codecs on small models trained for a moment: forward, streams, gradients, bits."""

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from compressai.models import (
    CompressionModel,
    FactorizedPrior,
    JointAutoregressiveHierarchicalPriors,
    MeanScaleHyperprior,
    ScaleHyperprior,
)
from torch import Tensor
from torch.nn import functional

from benchmark.codecs import mini
from benchmark.codecs.autoregressive import Autoregressive
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.sequential import Sequential
from benchmark.codecs.stream import pack, unpack
from benchmark.datasets import photos
from benchmark.errors import ContractError
from benchmark.estimators import admitted, exact, identity, noise_relaxed
from benchmark.geometry import from_bytes, to_lattice

MODELS: dict[str, Callable[[], CompressionModel]] = {
    "factorized": lambda: FactorizedPrior(8, 12),
    "hyperprior": lambda: ScaleHyperprior(8, 12),
    "mean": lambda: MeanScaleHyperprior(8, 12),
    "context": lambda: JointAutoregressiveHierarchicalPriors(8, 12),
}
ALL = pytest.mark.parametrize("name", MODELS)
STRIDES = {"factorized": 16, "hyperprior": 64, "mean": 64, "context": 64}


@cache
def pictures() -> Tensor:
    loaded = photos.load()
    pixels = np.stack([loaded.read(i) for i in range(len(loaded))])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous())


def photographs(n: int, height: int, width: int) -> Tensor:
    return pictures()[:n, :, :height, :width].clone()


@cache
def trained(name: str) -> CompressionModel:
    """A model after 60 steps: poor, but its latents and probabilities are alive."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = MODELS[name]().train()
        named = dict(model.named_parameters())
        quantiles = [named.pop(key) for key in list(named) if key.endswith("quantiles")]
        with torch.no_grad():
            model.g_a[-1].weight.mul_(4)  # latents of a few steps from the start
        optimizers = torch.optim.Adam(named.values(), 3e-3), torch.optim.Adam(quantiles, 0.3)
        for _ in range(60):
            top, left = (int(torch.randint(192, ())) for _ in range(2))
            x = pictures()[torch.randperm(12)[:8], :, top : top + 64, left : left + 64]
            output = model(x)
            bits = sum(-torch.log2(values).sum() for values in output["likelihoods"].values())
            loss = 1e4 * functional.mse_loss(output["x_hat"], x) + bits / x[:, 0].numel()
            for optimizer, minimized in zip(optimizers, (loss, model.aux_loss()), strict=True):
                optimizer.zero_grad()
                minimized.backward()
                torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], 1.0)
                optimizer.step()
    return model


@cache
def codec(name: str) -> LearnedCodec:
    model = trained(name)
    return LearnedCodec(Autoregressive(model) if name == "context" else model, STRIDES[name])


@ALL
@pytest.mark.parametrize("size", [(1, 1), (17, 31), (64, 64), (100, 129)])
def test_forward_is_the_round_trip(name: str, size: tuple[int, int]) -> None:
    """Bit for bit for one image; in a batch up to the last bits of the arithmetic."""
    x = photographs(3, *size)
    for one in x:
        assert torch.equal(
            codec(name)(one[None]), codec(name).decompress(codec(name).compress(one[None]), size)
        )
    x_hat = codec(name).decompress(codec(name).compress(x), size)
    assert x_hat.shape == x.shape
    assert (x_hat >= 0).all()
    assert (x_hat <= 1).all()
    torch.testing.assert_close(codec(name)(x), x_hat, rtol=0, atol=1 / 255)


@ALL
def test_the_picture_is_compressais(name: str) -> None:
    """Of an image that needs no padding, with compressai's own streams of its own order."""
    x = photographs(2, 128, 192)
    model = trained(name)
    codec(name)  # freezes the model, and fills its tables
    with torch.no_grad():
        coded = model.compress(x)
        theirs = model.decompress(coded["strings"], coded["shape"])["x_hat"]
    streams = codec(name).compress(x)
    ours = codec(name).decompress(streams, (128, 192))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    for i, stream in enumerate(streams):
        length = sum(len(strings[i]) for strings in coded["strings"])
        assert abs(sum(map(len, unpack(stream, 2).parts)) - length) <= 8


@ALL
def test_streams_depend_on_their_image_alone(name: str) -> None:
    x = photographs(3, 64, 80)
    streams = codec(name).compress(x)
    assert codec(name).compress(x) == streams
    assert [codec(name).compress(one[None])[0] for one in x] == streams
    together = codec(name).decompress(streams, (64, 80))
    assert torch.equal(together[1:2], codec(name).decompress(streams[1:2], (64, 80)))


def test_the_edge_is_repeated_and_cut_off_again() -> None:
    x = photographs(1, 50, 70)
    columns = torch.cat([x, x[..., -1:].expand(-1, -1, -1, 58)], 3)
    whole = torch.cat([columns, columns[:, :, -1:].expand(-1, -1, 14, -1)], 2)
    assert torch.equal(codec("mean")(x), codec("mean")(whole)[..., :50, :70])


@ALL
def test_rounding_has_slope_one(name: str) -> None:
    """The gradient is that of synthesis after analysis, taken at the decoded latents."""
    x = photographs(2, 64, 64).requires_grad_()
    model = trained(name)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    reached: list[Tensor] = []
    hook = model.g_s.register_forward_pre_hook(lambda _, given: reached.append(given[0].detach()))
    (found,) = torch.autograd.grad((codec(name)(x) * direction).sum(), x)
    hook.remove()
    y = model.g_a(x)
    x_hat = model.g_s(reached[0] + (y - y.detach())).clamp(0, 1)
    (expected,) = torch.autograd.grad((x_hat * direction).sum(), x)
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_compressais_own_gradient_is_zero() -> None:
    """What the slope is for; should this fail, compressai has changed."""
    codec("mean")
    x = photographs(1, 64, 64).requires_grad_()
    (gradient,) = torch.autograd.grad(trained("mean")(x)["x_hat"].sum(), x)
    assert not gradient.any()


@ALL
def test_the_noise_estimator_replaces_every_rounding(name: str) -> None:
    """Latents between analysis and synthesis move by uniform noise, of deviation 1 / sqrt(12)."""
    x = photographs(4, 128, 128)
    assert admitted(codec(name), "exact", x) == ("exact", "noise", "identity")
    model = trained(name)
    seen: dict[str, list[Tensor]] = {"before": [], "after": []}
    hooks = [
        model.g_a.register_forward_hook(lambda _, __, y: seen["before"].append(y.detach())),
        model.g_s.register_forward_pre_hook(lambda _, y: seen["after"].append(y[0].detach())),
    ]
    noise_relaxed(codec(name))(x.clone().requires_grad_())
    for hook in hooks:
        hook.remove()
    rounded, relaxed = (
        after - before for before, after in zip(seen["before"], seen["after"], strict=True)
    )
    for error in (rounded, relaxed):
        assert error.abs().max() <= 0.5 + 1e-5
    assert not torch.allclose(rounded, relaxed, atol=0.1)
    assert float(relaxed.std()) == pytest.approx(12**-0.5, rel=0.03)
    assert abs(float(relaxed.mean())) < 0.02


@ALL
def test_values_do_not_depend_on_the_estimator(name: str) -> None:
    x = photographs(1, 64, 64).requires_grad_()
    plain = codec(name)(x.detach())
    for estimator in (exact, noise_relaxed, identity):
        torch.testing.assert_close(estimator(codec(name))(x).detach(), plain, rtol=0, atol=1e-6)


@ALL
def test_likelihood_bits_are_the_streams(name: str) -> None:
    x = photographs(6, 256, 256)
    estimate = codec(name).likelihood_bits(x)
    real = torch.tensor([8.0 * len(stream) for stream in codec(name).compress(x)])
    assert estimate.shape == (6,)
    assert ((real - estimate).abs() <= 0.03 * estimate + 400).all()


@pytest.mark.parametrize("name", ["factorized", "hyperprior", "mean"])
def test_likelihoods_are_compressais(name: str) -> None:
    x = photographs(2, 64, 128)
    bits = codec(name).likelihood_bits(x)
    with torch.no_grad():
        likelihoods = trained(name)(x)["likelihoods"]
    assert sorted(likelihoods) == (["y"] if name == "factorized" else ["y", "z"])
    expected = sum(-torch.log2(values).flatten(1).sum(1) for values in likelihoods.values())
    torch.testing.assert_close(bits, expected, rtol=1e-6, atol=0)


@ALL
def test_along_the_gradient_of_the_bits_streams_grow(name: str) -> None:
    """One signed step of 8 grey levels: along it longer, against it shorter, noise in between."""
    x = photographs(4, 128, 128).requires_grad_()
    (gradient,) = torch.autograd.grad(codec(name).likelihood_bits(x).sum(), x)
    x = x.detach()

    def bits(delta: Tensor) -> Tensor:
        moved = to_lattice((x + 8 / 255 * delta).clamp(0, 1))
        return torch.tensor([8.0 * len(stream) for stream in codec(name).compress(moved)])

    signs = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).sign()
    clean, noisy = bits(torch.zeros_like(x)), bits(signs)
    along, against = bits(gradient.sign()), bits(-gradient.sign())
    assert (against <= clean).all()
    assert (clean <= along).all()
    assert against.sum() < min(clean.sum(), noisy.sum())
    assert max(clean.sum(), noisy.sum()) < along.sum()


@ALL
def test_a_wrong_stream_is_an_error(name: str) -> None:
    x = photographs(1, 64, 80)
    (stream,) = codec(name).compress(x)
    for wrong in (
        stream[:-1],
        stream[: len(stream) // 2],
        b"",
        stream + b"\0",
        b"\xff" + stream[1:],
    ):
        with pytest.raises(ContractError, match="cut, extended or altered"):
            codec(name).decompress([wrong], (64, 80))
    with pytest.raises(ContractError, match="holds 64x80 pixels, expected 64x79"):
        codec(name).decompress([stream], (64, 79))


def test_a_stream_of_another_codec_is_an_error() -> None:
    x = photographs(1, 64, 64)
    (stream,) = codec("factorized").compress(x)
    with pytest.raises(ContractError, match="does not decode as MeanScaleHyperprior: "):
        codec("mean").decompress([stream], (64, 64))
    three = pack([b"abcd"] * 3, [64, 64])
    with pytest.raises(ContractError, match="does not decode as Autoregressive: ValueError"):
        codec("context").decompress([three], (64, 64))


def test_several_rounds_have_a_gradient() -> None:
    """The surrogate of two rounds is their value, and has the slope of both."""
    x = photographs(1, 64, 64).requires_grad_()
    twice = Sequential(codec("mean"), 2)
    x_hat = twice.surrogate(x)
    torch.testing.assert_close(x_hat.detach(), twice(x.detach()), rtol=0, atol=1e-6)
    between = codec("mean")(x.detach()).requires_grad_()
    (second,) = torch.autograd.grad(codec("mean")(between).square().sum(), between)
    (expected,) = torch.autograd.grad((codec("mean")(x) * second).sum(), x)
    (found,) = torch.autograd.grad(x_hat.square().sum(), x)
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_a_model_whose_shape_is_another_says_so() -> None:
    wrong = LearnedCodec(trained("factorized"), 64)
    with pytest.raises(ContractError, match=r"gave shape .*8, 8.*, expected \(2, 2\); override"):
        wrong.compress(photographs(1, 128, 128))


def test_the_model_is_frozen_and_judged_as_it_is() -> None:
    made = codec("hyperprior")
    assert not made.training
    assert not made.model.training
    assert not any(parameter.requires_grad for parameter in made.parameters())
    assert not made.randomized


@pytest.mark.gpu
@ALL
def test_on_a_gpu(name: str) -> None:
    x = photographs(2, 100, 129)
    try:
        moved = codec(name).to("cuda")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            streams = moved.compress(x.cuda())
            x_hat = moved.decompress(streams, (100, 129))
        assert x_hat.is_cuda
        torch.testing.assert_close(moved(x.cuda()), x_hat, rtol=0, atol=1 / 255)
    finally:
        codec(name).to("cpu")


def test_the_tables_are_those_that_compressai_computes() -> None:
    """Whose quantile is `scipy.stats`'s; an entropy coder must have the same to the bit."""
    theirs, ours = (
        mini.model_of("mini-mbt2018-mean", "high"),
        mini.load("mini-mbt2018-mean", "high"),
    )
    theirs.update(force=True)
    for name in ("quantized_cdf", "offset", "cdf_length"):
        tables = (one.gaussian_conditional for one in (theirs, ours.model))
        assert torch.equal(*(getattr(table, name) for table in tables))
