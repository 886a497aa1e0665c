"""The slope of the bits of rounded latents: that of their mean under noise; values stay."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from compressai.entropy_models import EntropyBottleneck, GaussianConditional
from compressai.models import JointAutoregressiveHierarchicalPriors, ScaleHyperprior
from torch import Tensor

from benchmark.codecs.autoregressive import Autoregressive
from benchmark.codecs.blurred_rate import BLUR, density, slope
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.relaxed_rate import slant_rates
from benchmark.draws import seeded
from benchmark.geometry import to_lattice


def mean_under_noise(costs: Callable[[Tensor], Tensor], place: float) -> float:
    """By integration over a fine grid of Laplacian noise."""
    noise = torch.linspace(-3, 3, 600_001, dtype=torch.float64)
    return float((costs((place + noise).round()) * density(noise)).sum() * 1e-5)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.49, -0.51, 1.3, -2.25])
def test_the_slope_is_that_of_the_mean_under_noise(place: float) -> None:
    def costs(symbols: Tensor) -> Tensor:
        return (symbols - 0.3).abs() ** 1.5

    step = 1e-3
    rise = mean_under_noise(costs, place + step) - mean_under_noise(costs, place - step)
    at = torch.tensor([place], dtype=torch.float64)
    found = float(slope(at, at.round(), costs))
    assert found == pytest.approx(rise / (2 * step), rel=0.05, abs=0.01)


def test_the_noise_has_its_scale() -> None:
    grid = torch.linspace(-3, 3, 60_001, dtype=torch.float64)
    assert float(density(grid).sum() * 1e-4) == pytest.approx(1, abs=1e-4)
    assert float((density(grid) * grid.abs()).sum() * 1e-4) == pytest.approx(BLUR, rel=1e-3)


def rises(bits: Tensor, y: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(bits, y)
    return gradient


def test_a_latent_that_rounds_to_the_likeliest_symbol_has_a_slope_away_from_it() -> None:
    """Compressai's own is 0 everywhere; its scales keep the slope they had."""
    y = torch.tensor([[[[0.3, -0.4, 0.1, 5.2]]]])
    means = torch.tensor([[[[0.0, 0.0, 0.0, 5.0]]]])
    scales = torch.full((1, 1, 1, 4), 0.8)

    def asked(module: Any) -> tuple[Tensor, ...]:
        leaves = [one.clone().requires_grad_() for one in (y, scales)]
        y_hat, likelihoods = module(leaves[0], leaves[1], means=means)
        total = -likelihoods.log().sum()
        slopes = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
        return (y_hat.detach(), likelihoods.detach(), *slopes)

    plain = GaussianConditional(None).eval()
    y_hat, likelihoods, none, scale_slope = asked(plain)
    slanted = GaussianConditional(None).eval()
    slant_rates(slanted)
    same_hat, same_likelihoods, found, same_slope = asked(slanted)
    for same, expected in (
        (same_hat, y_hat),
        (same_likelihoods, likelihoods),
        (same_slope, scale_slope),
    ):
        torch.testing.assert_close(same, expected)
    assert none.abs().amax() == 0
    assert found.sign().flatten().tolist() == [1.0, -1.0, 1.0, 1.0]
    assert found[..., 1].abs() > found[..., 0].abs() > found[..., 2].abs()


def test_bottleneck_by_channel() -> None:
    with seeded("bottleneck"):
        module = EntropyBottleneck(3).eval()
    slant_rates(module)
    z = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    z_hat, likelihoods = module(z)
    with torch.no_grad():
        plain_hat, plain = module(z)
    torch.testing.assert_close((z_hat.detach(), likelihoods.detach()), (plain_hat, plain))
    found = rises(-likelihoods.log().sum(), z)
    with torch.no_grad():  # each latent alone, through the symbols beside its own
        medians = module._get_medians().view(1, 3, 1, 1)

        def costs(symbols: Tensor) -> Tensor:
            return -module(symbols)[1].log()

        symbols = (z - medians).round() + medians
        expected = slope(z, symbols, costs)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


MODELS: dict[str, Callable[[], LearnedCodec]] = {
    "hyperprior": lambda: LearnedCodec(ScaleHyperprior(8, 12), 64),
    "context": lambda: LearnedCodec(
        Autoregressive(JointAutoregressiveHierarchicalPriors(8, 12)), 64
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_codecs_spend_the_same_bits_with_and_without_a_gradient(name: str) -> None:
    with seeded(name):
        codec = MODELS[name]()
    x = to_lattice(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    leaf = x.clone().requires_grad_()
    given = codec.coded(leaf)
    with torch.no_grad():
        plain = codec.coded(x)
        torch.testing.assert_close(plain.bits, codec.likelihood_bits(x))
        torch.testing.assert_close(plain.x_hat, codec.forward(x))
    torch.testing.assert_close(given.bits.detach(), plain.bits)
    torch.testing.assert_close(given.x_hat.detach(), plain.x_hat)
    assert rises(given.bits.sum(), leaf).abs().amax() > 0


def test_training_is_left_alone() -> None:
    module = GaussianConditional(None).train()
    slant_rates(module)
    y = torch.randn(1, 2, 3, 4).requires_grad_()
    with seeded("noise"):
        y_hat, likelihoods = module(y, torch.ones(1, 2, 3, 4))
    expected = module._likelihood(y_hat, torch.ones(1, 2, 3, 4))
    torch.testing.assert_close(likelihoods, expected)
