"""Losses: their gradient by finite differences, draws that depend on nothing else, small passes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmark.codec_track import measures, objectives
from benchmark.codec_track.looks import loss_of, measured, selected
from benchmark.codec_track.types import Views
from benchmark.defense import Codec, Coded
from benchmark.errors import CallError
from benchmark.geometry import to_lattice
from benchmark.metrics.ms_ssim import ms_ssim
from tests.benchmark.codec_track.linear import (
    BASE,
    LinearCodec,
    Rounding,
    Shifting,
    TwoBranches,
    grey,
    product,
)


class Smooth(Codec):
    """Without rounding, so that a small change has the effect that the slope promises."""

    trade_off = 0.02

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first = torch.nn.Conv2d(3, 6, 3, padding=1)
        self.second = torch.nn.Conv2d(6, 3, 3, padding=1)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))

    def coded(self, x: Tensor) -> Coded:
        y = torch.tanh(self.first(x))
        return Coded(torch.sigmoid(self.second(y)), 100 * y.square().flatten(1).sum(1))


def unrounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.codec_track.looks.to_lattice", lambda x: x)


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_gradients_agree_with_finite_differences(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unrounded(monkeypatch)
    codec = Smooth().double()
    x = torch.rand(2, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loss = objectives.find(name)(codec, x, Views())
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    direction = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    step = 1e-6
    expected = (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)
    found = (gradient * direction).flatten(1).sum(1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_values_of_the_objectives() -> None:
    codec = Smooth()
    x = to_lattice(torch.rand(2, 3, 16, 16))
    with torch.no_grad():
        x_hat, bits = codec.coded(x)
    error = 255**2 * (x_hat - x).square().flatten(1).mean(1)
    values = {name: find(codec, x, Views())(x) for name, find in objectives.OBJECTIVES.items()}
    torch.testing.assert_close(values["rate"], bits / 256)
    torch.testing.assert_close(values["mse"], error)
    torch.testing.assert_close(values["ms-ssim"], 1 - ms_ssim(x, x_hat))
    torch.testing.assert_close(values["joint"], 0.02 * error + bits / 256)


def test_the_rate_is_over_the_pixels_before_padding() -> None:
    """The codec pads 5x7 to 8x8; its bits are over 35 pixels."""
    coded = Coded(torch.zeros(1, 3, 5, 7), torch.tensor([70.0]))
    assert measures.rate(torch.zeros(1, 3, 5, 7), coded).item() == 2.0


def test_the_error_is_against_the_attacked_picture() -> None:
    """A codec that gives back what it got has no error, however far that is from the clean one."""
    x = grey(2)
    shifted = x + 8 / 255
    for name in ("mse", "ms-ssim"):
        measure = {"mse": measures.mse, "ms-ssim": measures.structure}[name]
        pictures = shifted.repeat(1, 1, 4, 4)
        coded = Coded(pictures, torch.ones(2))
        assert measure(pictures, coded).abs().amax() < 1e-5


def test_rounding_inside_of_a_codec_has_a_slope() -> None:
    """Autograd alone finds none, and an attack would believe the codec robust."""
    codec, x = Rounding(), grey(2)
    loss = objectives.find("rate")(codec, x, Views())
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    torch.testing.assert_close(gradient, torch.full_like(x, 64 / 20))


def test_the_loss_sees_the_lattice_with_slope_1() -> None:
    codec, x = LinearCodec(), grey(2)
    loss = objectives.find("rate")(codec, x, Views())
    between = (x + 0.4 / 255).requires_grad_()
    assert torch.equal(loss(between), loss(x))
    (gradient,) = torch.autograd.grad(loss(between).sum(), between)
    torch.testing.assert_close(gradient, codec.w.expand_as(x) / 20)


def test_a_selection_has_the_winners_value_and_the_soft_slope() -> None:
    costs = torch.tensor([[1.0, 5.0], [2.0, 3.0]])
    values = torch.tensor([[10.0, 20.0], [30.0, 40.0]], requires_grad=True)
    chosen = selected(values, costs)
    assert chosen.tolist() == [10.0, 40.0]
    (slope,) = torch.autograd.grad(chosen.sum(), values)
    warm = torch.softmax(torch.tensor([0.0, -1.0]), 0)
    torch.testing.assert_close(slope, torch.stack([warm, warm.flip(0)], 1))


def test_the_mean_over_draws_of_a_selecting_codec() -> None:
    """Its branches come for all draws at once."""

    class Drawn(TwoBranches):
        randomized = True

    codec, x = Drawn(), grey(3)
    once = objectives.find("rate")(TwoBranches(), x, Views())(x)
    often = objectives.find("rate")(codec, x, Views(draws=5))(x)
    torch.testing.assert_close(once, often)


def test_the_mean_over_draws_approaches_the_expectation() -> None:
    codec, x = Shifting(), grey(2)
    loss = objectives.find("rate")(codec, x, Views(draws=4000, seed=1))
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    mean = codec.ws.mean(0)
    torch.testing.assert_close(gradient, mean.expand_as(x) / 20, atol=0.005, rtol=0)
    torch.testing.assert_close(loss(x), (BASE + product(mean, x)) / 20, rtol=1e-4, atol=0)


def values_of(codec: Codec, x: Tensor, part: slice, views: Views) -> list[Tensor]:
    loss = objectives.find("rate")(codec, x[part], views)
    return [loss(x[part]) for _ in range(3)]


def test_draws_depend_on_the_image_the_seed_and_the_call_alone() -> None:
    x, views = grey(5), Views(draws=2, seed=9)
    together = values_of(Shifting(), x, slice(None), views)
    torch.manual_seed(77)
    alone = values_of(Shifting(), x, slice(3, 4), views)
    assert all(torch.equal(a[3:4], b) for a, b in zip(together, alone, strict=True))
    assert not torch.equal(together[0], together[1])
    other = values_of(Shifting(), x, slice(None), Views(draws=2, seed=10))
    assert not torch.equal(together[0], other[0])
    state = torch.get_rng_state()
    values_of(Shifting(), x, slice(None), views)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("pixels", "passes"), [(20 * 8, [8, 8, 8]), (20 * 10, [10, 10, 4]), (1, 24 * [1])]
)
def test_draws_go_through_the_codec_in_passes_of_a_bounded_size(
    pixels: int, passes: list[int]
) -> None:
    codec, x = Shifting(), grey(2)
    value = objectives.find("rate")(codec, x, Views(draws=24, pixels=pixels))(x)
    assert codec.passes == 2 * passes
    assert value.shape == (2,)


def test_images_go_through_the_codec_in_passes_of_a_bounded_size() -> None:
    sizes: list[int] = []

    class Seen(LinearCodec):
        def coded(self, x: Tensor) -> Coded:
            sizes.append(len(x))
            return super().coded(x)

    x = grey(7)

    def slope(views: Views) -> tuple[Tensor, Tensor]:
        leaf = x.clone().requires_grad_()
        value = objectives.find("joint")(Seen(), x, views)(leaf)
        return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]

    whole, parts = slope(Views()), slope(Views(pixels=60))
    assert sizes == [7, 3, 3, 1]
    torch.testing.assert_close(whole, parts)


def test_weights_of_images_reach_the_gradient() -> None:
    codec, x = LinearCodec(), grey(2)
    loss = objectives.find("rate")(codec, x, Views())
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((torch.tensor([1.0, 3.0]) * loss(leaf)).sum(), leaf)
    torch.testing.assert_close(gradient[1], 3 * gradient[0])


def test_wrong_calls() -> None:
    look: Callable[[Tensor, int], Tensor] = measured(LinearCodec(), measures.rate)
    with pytest.raises(CallError, match="24 draws of LinearCodec, which is not randomized"):
        loss_of(LinearCodec(), look, Views(draws=24))
    with pytest.raises(CallError, match="0 draws of a codec: expected at least 1"):
        loss_of(LinearCodec(), look, Views(draws=0))
    with pytest.raises(CallError, match="LinearCodec has no convolutions; attack its rate"):
        objectives.find("features")(LinearCodec(), grey(1), Views())


@pytest.mark.parametrize("draws", [1, 3])
def test_a_codec_is_shown_pictures_in_the_layout_that_they_were_read_in(draws: int) -> None:
    """Convolutions are slower on any other."""
    seen = []

    class Looking(Smooth):
        def coded(self, x: Tensor) -> Coded:
            seen.append(x.is_contiguous(memory_format=torch.channels_last))
            return super().coded(x)

    x = torch.rand(2, 8, 8, 3).permute(0, 3, 1, 2)
    measured(Looking(), measures.rate)(x, draws)
    assert seen == [True]
