"""Roundings, BPDA and selection give the slopes that they promise."""

import math

import torch

from benchmark.gradients import (
    BLUR,
    blurred_round,
    bpda,
    polynomial_round,
    soft_minimum,
    straight_through,
    straight_through_round,
)


def gradient(mapped: object, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    assert callable(mapped)
    (slope,) = torch.autograd.grad(mapped(x).sum(), x, allow_unused=True)
    return slope


def test_straight_through_and_bpda() -> None:
    x = torch.tensor([0.2, 0.7, 1.6]).view(1, 1, 1, 3)
    torch.testing.assert_close(straight_through(torch.round)(x), torch.round(x))
    torch.testing.assert_close(gradient(straight_through(torch.round), x), torch.ones_like(x))
    squared = bpda(torch.round, lambda x: x * x)
    torch.testing.assert_close(squared(x), torch.round(x))
    torch.testing.assert_close(gradient(squared, x), 2 * x)


def test_blurred_round_has_the_slope_of_its_mean_under_noise() -> None:
    """Against the closed form: the mean of round(v + s n) is a sum of normal distributions."""
    v = torch.linspace(-1.4, 2.4, 39, dtype=torch.float64)
    torch.testing.assert_close(blurred_round(v), v.round())

    def mean(v: torch.Tensor) -> torch.Tensor:
        thresholds = torch.arange(-20, 20, dtype=torch.float64) + 0.5
        return torch.special.ndtr((v[:, None] - thresholds) / BLUR).sum(1) - 20

    h = 1e-5
    slope = (mean(v + h) - mean(v - h)) / (2 * h)
    torch.testing.assert_close(gradient(blurred_round, v), slope, rtol=0.02, atol=1e-3)
    on_lattice = float(gradient(blurred_round, torch.zeros(1)))
    assert 0 < on_lattice < 0.03 < 1 / (BLUR * math.sqrt(2 * math.pi))


def test_the_polynomial_round_is_flat_on_the_integers() -> None:
    v = torch.linspace(-2, 2, 41, dtype=torch.float64)
    u = v - v.round()
    torch.testing.assert_close(polynomial_round(v), v.round() + u**3)
    torch.testing.assert_close(gradient(polynomial_round, v), 3 * u**2)
    assert float(gradient(polynomial_round, torch.ones(1))) == 0


def test_the_straight_through_round_has_slope_1() -> None:
    v = torch.linspace(-2, 2, 41)
    torch.testing.assert_close(straight_through_round(v), v.round())
    torch.testing.assert_close(gradient(straight_through_round, v), torch.ones_like(v))


def test_the_soft_minimum_is_near_the_cheapest_and_knows_how_to_change_it() -> None:
    candidates = torch.tensor([0.2, 0.6, 0.9]).view(3, 1, 1, 1, 1).requires_grad_()
    costs = torch.tensor([[3.0], [1.0], [2.0]]).requires_grad_()
    mixed = soft_minimum(candidates, costs)
    torch.testing.assert_close(mixed.flatten(), torch.tensor([0.6]), atol=0.01, rtol=0)
    to_candidates, to_costs = torch.autograd.grad(mixed.sum(), (candidates, costs))
    assert to_candidates.argmax() == 1
    assert to_costs[2] < 0 < to_costs[0] - to_costs[2]  # cheaper 0.9: brighter; dearer 0.2: too
    scaled = soft_minimum(candidates, 1000 * costs)
    torch.testing.assert_close(scaled, mixed)  # no scale of costs is favored
