"""Projection, steepest direction and lattice against their definitions."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import CallError
from benchmark.geometry import (
    distance,
    from_bytes,
    noise_like,
    project,
    random_in_ball,
    steepest,
    to_bytes,
    to_lattice,
    to_lattice_in_ball,
    with_room,
)
from benchmark.geometry import in_ball as within
from benchmark.judge import differences, in_ball
from benchmark.threat import Norm, ThreatModel

THREATS = [ThreatModel(Norm.LINF, 3), ThreatModel(Norm.L2, 0.4), ThreatModel(Norm.L2, 2)]
MSE = ThreatModel(Norm.MSE, 1e-4)


def images(seed: int, n: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, 6, 5, generator=generator)


@given(seed=st.integers(0, 10**6), threat=st.sampled_from(THREATS))
@settings(max_examples=60, deadline=None)
def test_what_is_judged_is_on_the_lattice_and_in_the_ball(seed: int, threat: ThreatModel) -> None:
    x = to_lattice(images(seed))
    x_adv = images(seed + 1) * 3 - 1
    judged = to_lattice_in_ball(x_adv, x, threat)
    assert torch.equal(judged, to_lattice(judged))
    linf, l2 = differences(to_bytes(judged), to_bytes(x))
    assert all(in_ball(a, b, threat) for a, b in zip(linf, l2, strict=True))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_a_rounded_picture_keeps_a_mean_squared_error(seed: int) -> None:
    x = to_lattice(images(seed))
    judged = to_lattice_in_ball(images(seed + 1) * 3 - 1, x, MSE)
    square = (to_bytes(judged).int() - to_bytes(x).int()).square().flatten(1).sum(1)
    assert (square <= 1e-4 * 255**2 * 90).all()  # 585.2 of 3x6x5 values
    assert (square >= 400).all()


def test_the_mean_squared_error_is_counted_in_integers() -> None:
    """Of 100 values the budget of 1e-4 is a sum of squares of 650.25."""
    clean = torch.full((2, 1, 10, 10), 100, dtype=torch.uint8)
    pixels = clean.clone()
    pixels[0, 0, 0, 0] += 25  # 625
    pixels[0, 0, 0, 1] += 5  # 650
    pixels[1] = pixels[0]
    pixels[1, 0, 0, 2] += 1  # 651
    assert within(pixels, clean, MSE).tolist() == [True, False]
    assert within(pixels, clean, ThreatModel(Norm.LINF, 25)).tolist() == [True, True]
    assert within(pixels, clean, ThreatModel(Norm.LINF, 24)).tolist() == [False, False]
    assert within(pixels, clean, ThreatModel(Norm.L2, 650**0.5 / 255)).tolist() == [True, False]


def test_sizes_of_a_mean_squared_error() -> None:
    x = torch.full((1, 3, 6, 5), 0.5)
    moved = x + 0.02 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    size = (moved - x).square().mean().sqrt()
    torch.testing.assert_close(distance(x, moved, Norm.MSE), size[None])
    assert MSE.eps == pytest.approx(0.01)
    torch.testing.assert_close(project(moved, x, MSE) - x, (moved - x) * (MSE.eps / size))
    unit = steepest(moved - x, Norm.MSE)
    torch.testing.assert_close(unit.square().mean(), torch.tensor(1.0))
    on_sphere = random_in_ball(x, MSE, 0, 0)
    torch.testing.assert_close(distance(x, on_sphere, Norm.MSE), torch.tensor([0.01]))


def test_room_for_rounding() -> None:
    """What is projected into the smaller ball stays in the whole one when it is rounded.

    Of a small picture's few values rounding may add more than it does on average.
    """
    generator = torch.Generator().manual_seed(0)
    x = to_lattice(0.2 + 0.6 * torch.rand(4, 3, 256, 256, generator=generator))
    x_adv = project(x + torch.randn(x.shape, generator=generator), x, with_room(MSE))
    rounded = to_lattice(x_adv)
    assert within(to_bytes(rounded), to_bytes(x), MSE).all()
    assert (distance(x, rounded, Norm.MSE) > 0.98 * MSE.eps).all()
    assert with_room(THREATS[0]) == THREATS[0]


def test_rounding_wastes_little_of_an_l2_ball() -> None:
    generator = torch.Generator().manual_seed(1)
    x = to_lattice(torch.rand(2, 3, 64, 64, generator=generator) * 0.5 + 0.25)
    threat = ThreatModel(Norm.L2, 1)
    x_adv = x + steepest(torch.randn(x.shape, generator=generator), Norm.L2)
    size = distance(x, to_lattice_in_ball(x_adv, x, threat), Norm.L2)
    assert (size > 0.95).all()
    assert (size <= 1 + 1e-6).all()


def test_projection_is_the_identity_inside_and_the_nearest_point_outside() -> None:
    x = torch.full((1, 3, 2, 2), 0.5)
    inside = x + 0.001
    outside = x + torch.tensor([0.3, 0.0, 0.0]).view(1, 3, 1, 1)
    for threat in THREATS:
        torch.testing.assert_close(project(inside, x, threat), inside)
    clipped = project(outside, x, ThreatModel(Norm.LINF, 3)) - x
    torch.testing.assert_close(clipped[0, :, 0, 0], torch.tensor([3 / 255, 0, 0]))
    scaled = project(outside, x, ThreatModel(Norm.L2, 0.3)) - x  # its length is 0.6
    torch.testing.assert_close(scaled, (outside - x) / 2)


def test_steepest_maximizes_a_linear_function() -> None:
    gradient = images(4) - 0.5
    linf = (steepest(gradient, Norm.LINF) * gradient).flatten(1).sum(1)
    torch.testing.assert_close(linf, gradient.flatten(1).abs().sum(1))
    l2 = (steepest(gradient, Norm.L2) * gradient).flatten(1).sum(1)
    torch.testing.assert_close(l2, gradient.flatten(1).norm(dim=1))


def test_rounding_is_to_the_nearest_never_down() -> None:
    x = torch.tensor([0.0, 0.4, 0.6, 1.4, 254.6, 255.0]).view(1, 1, 1, 6) / 255
    assert to_bytes(x).flatten().tolist() == [0, 0, 1, 1, 255, 255]
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_bytes(from_bytes(every)), every)


def test_noise_belongs_to_the_image() -> None:
    x = images(8, 3)
    for norm in Norm:
        noise = noise_like(x, 5, 0, norm)
        assert torch.equal(noise_like(x[1:2], 5, 0, norm), noise[1:2])
        assert not torch.equal(noise_like(x, 5, 1, norm), noise)
        assert not torch.equal(noise_like(x, 6, 0, norm), noise)


def test_random_starts_fill_the_ball() -> None:
    x = torch.full((1, 3, 64, 64), 0.5)
    linf = (random_in_ball(x, ThreatModel(Norm.LINF, 8), 1, 0) - x) * 255
    assert linf.abs().max() <= 8 + 1e-3
    assert linf.mean().abs() < 0.2
    assert abs(float(linf.std()) - 8 / 3**0.5) < 0.1  # that of a uniform variable
    l2 = random_in_ball(x, ThreatModel(Norm.L2, 0.5), 1, 0)
    torch.testing.assert_close(distance(x, l2, Norm.L2), torch.tensor([0.5]))


@pytest.mark.parametrize("radius", [0, -1, float("nan"), 2.5])
def test_a_radius_that_cannot_be_judged_is_refused(radius: float) -> None:
    with pytest.raises(CallError, match="expected"):
        ThreatModel(Norm.LINF, radius)
