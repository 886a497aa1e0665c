"""Every estimator has the defense's forward and the slope that it promises."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.sequential import Sequential
from benchmark.defense import Defense, Repeated, Selecting
from benchmark.draws import seeded
from benchmark.errors import CallError, ContractError, UnknownNameError
from benchmark.estimators import ESTIMATORS, ROUNDING, admitted, calls
from benchmark.gradients import straight_through_round
from benchmark.tensors import Candidates, Costs, Images

X = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Halves(Defense):
    """Rounds down to even grey levels: no gradient of its own; says that it doubles."""

    def forward(self, x: Images) -> Images:
        return torch.floor(x * 127.5) / 127.5

    def surrogate(self, x: Images) -> Images:
        return 2 * x


class Thrice(Repeated):
    def forward(self, x: Images) -> Images:
        return x**3

    def one_round(self, x: Images) -> Images:
        return 5 * x


class Darker(Selecting):
    """Of the image and a darker one the latter, which is always cheaper."""

    def forward(self, x: Images) -> Images:
        return x / 2

    def candidates(self, x: Images) -> tuple[Candidates, Costs]:
        both = torch.stack([x, x / 2])
        return both, both.flatten(2).mean(2)


def slope(estimator: str, defense: Defense) -> Tensor:
    x = X.clone().requires_grad_()
    mapped = ESTIMATORS[estimator](defense)
    with seeded(0):
        y = mapped(x)
    torch.testing.assert_close(y, defense.forward(X))
    (found,) = torch.autograd.grad(y.sum(), x)
    return found


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [("exact", 0), ("surrogate", 2), ("straight-through", 1), ("noise", 1), ("identity", 1)],
)
def test_slopes(estimator: str, expected: float) -> None:
    torch.testing.assert_close(slope(estimator, Halves()), torch.full_like(X, expected))


def test_one_round_and_selection() -> None:
    torch.testing.assert_close(slope("one-round", Thrice()), torch.full_like(X, 5))
    chosen = slope("selection", Darker())
    torch.testing.assert_close(chosen, torch.full_like(X, 0.5), atol=0.01, rtol=0)
    with pytest.raises(TypeError, match="Halves is not repeated"):
        ESTIMATORS["one-round"](Halves())
    with pytest.raises(TypeError, match="Halves does not select"):
        ESTIMATORS["selection"](Halves())


def test_which_estimators_a_defense_admits() -> None:
    class Plain(Defense):
        def forward(self, x: Images) -> Images:
            return x / 2

    assert admitted(Plain(), "exact", X) == ("exact", "identity")
    assert admitted(Plain(), "none", X) == ("identity",)
    assert admitted(Halves(), "surrogate", X) == ("surrogate", "identity")
    assert admitted(Halves(), "exact", X) == ("exact", "straight-through", "noise", "identity")
    assert admitted(Thrice(), "exact", X) == ("exact", "one-round", "identity")
    assert admitted(Darker(), "exact", X) == ("exact", "selection", "identity")
    assert set(ESTIMATORS) >= set(admitted(Halves(), "exact", X))
    with pytest.raises(UnknownNameError, match="unknown gradient 'exakt'; did you mean exact"):
        admitted(Plain(), "exakt", X)


@pytest.mark.parametrize("function", [torch.round, torch.floor, torch.ceil, torch.sign])
def test_rounding_is_found_wherever_it_hides(function: object) -> None:
    class Hidden(Defense):
        def forward(self, x: Images) -> Images:
            assert callable(function)
            return torch.nn.functional.relu(function(x * 9) / 9)

    assert calls(Hidden(), ROUNDING, X)
    assert not calls(Thrice(), ROUNDING, X)


def test_the_noise_is_that_of_training() -> None:
    """x -> round(x)^2 has, with uniform noise in place of rounding, the mean slope 2 x."""

    class Squared(Defense):
        def __init__(self, rounding: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            self.rounding = rounding

        def forward(self, x: Images) -> Images:
            return self.rounding(x * 10) ** 2 / 100

    for rounding in (torch.round, straight_through_round):
        found = torch.stack([slope_at(seed, Squared(rounding)) for seed in range(400)]).mean(0)
        torch.testing.assert_close(found, 2 * X, atol=0.05, rtol=0)


def test_a_rounding_with_slope_1_is_followed_as_it_is_and_with_noise() -> None:
    class Learned(Defense):
        def forward(self, x: Images) -> Images:
            return straight_through_round(x * 10) / 10

    assert admitted(Learned(), "exact", X) == ("exact", "noise", "identity")
    x = X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(ESTIMATORS["exact"](Learned())(x).sum(), x)
    torch.testing.assert_close(slope, torch.ones_like(x))


def slope_at(seed: int, defense: Defense) -> Tensor:
    x = X.clone().requires_grad_()
    with seeded(seed):
        y = ESTIMATORS["noise"](defense)(x)
    return torch.autograd.grad(y.sum(), x)[0]


def test_sequential_is_as_many_round_trips() -> None:
    codec = Jpeg(30)
    thrice = codec.forward(codec.forward(codec.forward(X)))
    repeated = Sequential(Jpeg(30), 3)
    assert torch.equal(repeated.forward(X), thrice)
    assert repeated.compress(X) == codec.compress(codec.forward(codec.forward(X)))
    with pytest.raises(CallError, match="rounds 0: expected 1 to 100"):
        Sequential(codec, 0)


def test_through_ten_rounds_the_polynomial_gradient_dies_and_one_round_lives() -> None:
    """The cause of the robustness that was published for sequential JPEG."""
    ten = Sequential(Jpeg(25, rounding="polynomial"), 10, one_round=Jpeg(25))
    dead, alive = slope("surrogate", ten).abs().mean(), slope("one-round", ten).abs().mean()
    once = slope("surrogate", Jpeg(25)).abs().mean()
    assert dead < 0.05 * once
    assert alive > 0.5 * once


def test_an_undefined_method_says_so() -> None:
    class Bare(Repeated, Selecting):
        pass

    with pytest.raises(ContractError, match="Bare must define one_round"):
        Bare().one_round(X)
    with pytest.raises(ContractError, match="Bare must define candidates"):
        Bare().candidates(X)
    with pytest.raises(UnknownNameError, match="unknown rounding 'cubic'"):
        Jpeg(25, rounding="cubic")
