"""Estimators give the slopes that they promise."""

import math

import pytest
import torch

from benchmark.codecs.pillow import Jpeg
from benchmark.defense import Defense
from benchmark.errors import UnknownNameError
from benchmark.gradients import (
    BLUR,
    AttackedModel,
    admitted,
    blurred_round,
    bpda,
    declared_surrogate,
    identity_bpda,
    own_autograd,
    straight_through,
)
from benchmark.tensors import Images, rows
from tests.linear import LinearModel


class Halves(Defense):
    """Rounds down to even grey levels: no gradient of its own; says that it doubles."""

    def forward(self, x: Images) -> Images:
        return torch.floor(x * 127.5) / 127.5

    def surrogate(self, x: Images) -> Images:
        return 2 * x


def gradient(mapped: object, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    assert callable(mapped)
    (slope,) = torch.autograd.grad(mapped(x).sum(), x, allow_unused=True)
    return slope


def test_each_estimator_has_the_forward_of_the_defense_and_its_own_slope() -> None:
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    defense = Halves()
    for estimator, slope in ((own_autograd, 0), (declared_surrogate, 2), (identity_bpda, 1)):
        mapped = estimator(defense)
        torch.testing.assert_close(mapped(x), defense.forward(x))
        torch.testing.assert_close(gradient(mapped, x), torch.full_like(x, slope))


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


def test_which_estimators_a_manifest_admits() -> None:
    assert admitted("exact") == ("exact", "identity")
    assert admitted("surrogate") == ("surrogate", "identity")
    assert admitted("none") == ("identity",)
    with pytest.raises(UnknownNameError, match="unknown gradient 'exakt'; did you mean exact"):
        admitted("exakt")


def test_the_attacked_model_counts_passes_of_each_image(linear: LinearModel) -> None:
    model = AttackedModel(linear, None, 3)
    x = linear.inputs(3)
    model(x)
    part = rows(rows(model, torch.tensor([0, 2])), torch.tensor([1]))
    inner = x[2:].requires_grad_()
    torch.autograd.grad(part(inner).sum(), inner)
    assert model.forwards.tolist() == [1, 1, 2]
    assert model.backwards.tolist() == [0, 0, 1]


def test_the_attacked_model_sees_what_will_be_judged(linear: LinearModel) -> None:
    """It rounds to 8 bits on the way in, and answers for the real JPEG bytes."""
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    wide = LinearModel((3, 16, 16), seed=0)
    jpeg = Jpeg(25)
    model = AttackedModel(wide, declared_surrogate(jpeg), 1)
    torch.testing.assert_close(model(x), wide(jpeg.forward((x * 255).round() / 255)))
