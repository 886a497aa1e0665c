"""APGD: its schedule against the paper's, each rule on hand-made cases, its strength on PGD's."""

import pytest
import torch
from torch import Tensor

from benchmark.attacks.apgd import (
    MOMENTUM,
    Goal,
    State,
    adapt_step,
    apgd_ce,
    apgd_t,
    ascend,
    checkpoints,
    climb,
    observe,
    start,
)
from benchmark.attacks.pgd import pgd
from benchmark.classifiers import LoadedClassifier
from benchmark.datasets import shapes
from benchmark.geometry import distance
from benchmark.loss import Slope, log_cross_entropy, margin, slope, targeted_dlr
from benchmark.threat import Budget, Norm, ThreatModel
from tests.linear import LinearModel

LINF = ThreatModel(Norm.LINF, 8)


def seen(values: list[float], gradient: float = 1.0) -> Slope:
    n = len(values)
    return Slope(torch.full((n, 1, 1, 1), gradient), torch.tensor(values), torch.zeros(n, 2))


def at(values: list[float]) -> Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1)


def test_checkpoints_are_those_of_the_paper() -> None:
    marks = [22, 41, 57, 70, 80, 87, 93, 99]
    assert list(checkpoints(100)) == marks
    assert list(checkpoints(100).values()) == [22, 19, 16, 13, 10, 7, 6, 6]
    assert list(checkpoints(10)) == [3, 5, 6, 7, 8, 9, 10]  # rounded up, none twice
    assert sum(checkpoints(10).values()) == 10
    assert list(checkpoints(1)) == [1]


def state(**changes: Tensor) -> State:
    """Four images at 0.5 whose best point, 0.3, has loss 2 and gradient -1."""
    begun = start(torch.full((4, 1, 1, 1), 0.3), seen([2.0] * 4, gradient=-1.0), 0.08)
    now = begun._replace(x_adv=torch.full((4, 1, 1, 1), 0.5), loss=torch.ones(4))
    return now._replace(**changes)


def test_the_step_is_halved_where_too_few_steps_rose() -> None:
    """Of 4 steps 3 must rise; the best loss rose everywhere, so the other rule is silent."""
    before = state(rises=torch.tensor([0, 2, 3, 4]), checked_loss=torch.ones(4))
    after = adapt_step(before, 4)
    assert after.halved.tolist() == [True, True, False, False]
    torch.testing.assert_close(after.step, torch.tensor([0.04, 0.04, 0.08, 0.08]))
    torch.testing.assert_close(after.x_adv, at([0.3, 0.3, 0.5, 0.5]))
    torch.testing.assert_close(after.gradient[:2], at([-1.0, -1.0]))
    torch.testing.assert_close(after.loss, torch.tensor([2.0, 2.0, 1.0, 1.0]))
    assert after.rises.tolist() == [0, 0, 0, 0]
    torch.testing.assert_close(after.checked_loss, torch.full((4,), 2.0))


def test_the_step_is_halved_where_neither_it_nor_the_best_loss_changed() -> None:
    before = state(
        rises=torch.full((4,), 4),
        halved=torch.tensor([False, False, True, True]),
        checked_loss=torch.tensor([2.0, 1.9, 2.0, 1.9]),
    )
    assert adapt_step(before, 4).halved.tolist() == [True, False, False, False]


def test_an_observation_counts_rises_and_keeps_the_best() -> None:
    before = state()
    after = observe(before, seen([0.5, 1.0, 1.5, 2.5], gradient=3.0))
    assert (after.rises - before.rises).tolist() == [0, 0, 1, 1]
    torch.testing.assert_close(after.best, at([0.3, 0.3, 0.3, 0.5]))
    torch.testing.assert_close(after.best_gradient, at([-1.0, -1.0, -1.0, 3.0]))
    torch.testing.assert_close(after.best_loss, torch.tensor([2.0, 2.0, 2.0, 2.5]))


def test_a_step_mixes_the_gradient_with_the_step_before() -> None:
    """From 0.50, before at 0.49, with step 0.02 and gradient up: 0.75 * 0.02 + 0.25 * 0.01."""
    here = State(*(part[:1] for part in state(gradient=at([1.0] * 4), previous=at([0.49] * 4))))
    here = here._replace(step=torch.tensor([0.02]))
    after = ascend(here, at([0.5]), ThreatModel(Norm.LINF, 51))
    torch.testing.assert_close(after.x_adv, at([0.5 + MOMENTUM * 0.02 + 0.25 * 0.01]))
    torch.testing.assert_close(after.previous, here.x_adv)
    near = ascend(here, at([0.5]), ThreatModel(Norm.LINF, 1))
    torch.testing.assert_close(
        near.x_adv, at([0.5 + 0.75 / 255 + 0.25 * 0.01]).clamp_max(128.5 / 255)
    )


def test_halving_finds_a_peak_that_full_steps_jump_over() -> None:
    """The loss is -|x - peak| along each pixel: steps of 2 eps never come near, halved ones do."""
    peak = 0.5 + 0.3 / 255

    def model(x: Tensor) -> Tensor:
        away = (x - peak).abs().flatten(1).sum(1)
        return torch.stack([away, torch.zeros_like(away)], 1)

    x, y = torch.full((1, 1, 2, 2), 0.5), torch.tensor([0])
    budget = Budget(LINF, steps=100)
    found, best_margin = climb(
        model, Goal(x, y, y), lambda z, labels, _: -margin(z, labels), budget, x + LINF.eps
    )
    assert float(best_margin) < 4 * 0.05 / 255
    torch.testing.assert_close(found, torch.full_like(x, peak), rtol=0, atol=0.1 / 255)


def test_the_logarithm_of_the_cross_entropy() -> None:
    logits, y = torch.randn(5, 4, generator=torch.Generator().manual_seed(2)), torch.arange(5) % 4
    expected = torch.nn.functional.cross_entropy(logits.double(), y, reduction="none").log()
    torch.testing.assert_close(log_cross_entropy(logits, y), expected)
    gaps = torch.tensor([[0.0, -29.999], [0.0, -30.001], [0.0, -3000.0]], requires_grad=True)
    value = log_cross_entropy(gaps, torch.zeros(3, dtype=torch.int64))
    torch.testing.assert_close(value.detach(), gaps.detach()[:, 1].double())
    (gradient,) = torch.autograd.grad(value.sum(), gaps)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0, 1.0]] * 3))


def test_the_targeted_ratio() -> None:
    """By hand: (2 - 5) / (5 - (1 + 0) / 2); its scale does not matter; with 3 classes 2 - 5."""
    logits = torch.tensor([[5.0, 2.0, 1.0, 0.0, -7.0]])
    y, target = torch.tensor([0]), torch.tensor([1])
    expected = torch.tensor([-3 / 4.5]).double()
    torch.testing.assert_close(targeted_dlr(logits, y, target), expected)
    torch.testing.assert_close(targeted_dlr(1000 * logits, y, target), expected)
    plain = torch.tensor([-3.0]).double()
    torch.testing.assert_close(targeted_dlr(logits[:, :3], y, target), plain)


def test_one_forward_gives_value_gradient_and_logits(linear: LinearModel) -> None:
    x = linear.inputs(2)
    seen = slope(linear, x, lambda logits: logits[:, 1])
    torch.testing.assert_close(seen.gradient, -linear.w.expand(2, 3, 4, 5))
    torch.testing.assert_close(seen.value, seen.logits[:, 1])
    assert not seen.logits.requires_grad


class Counting(LinearModel):
    """k classes: the two of the linear model and some that are never the answer."""

    def __init__(self, k: int) -> None:
        super().__init__((3, 4, 5), seed=3)
        self.k, self.images = k, 0

    def forward(self, x: Tensor) -> Tensor:
        self.images += len(x)
        low = torch.linspace(-300, -200, self.k)[2:].expand(len(x), -1)
        return torch.cat([super().forward(x), low], 1)


@pytest.mark.parametrize(("k", "targets"), [(2, 1), (3, 2), (4, 3), (12, 9)])
@pytest.mark.parametrize("restarts", [1, 2])
def test_at_most_nine_targets_each_with_all_steps(k: int, targets: int, restarts: int) -> None:
    model = Counting(k)
    x, y = model.inputs(2), torch.zeros(2, dtype=torch.int64)
    budget = Budget(ThreatModel(Norm.LINF, 1), steps=5, restarts=restarts)
    apgd_t(model, x, y, budget)
    assert model.images == 2 * (1 + targets * restarts * (5 + 1))


def test_broken_images_leave_the_batch() -> None:
    """One image is broken from the start: one pass, and in `apgd-t` one for the ranking."""
    x, y = LinearModel((3, 4, 5), seed=3).inputs(2), torch.tensor([0, 1])
    budget = Budget(ThreatModel(Norm.LINF, 1), steps=6)
    for attack, passes in ((apgd_ce, 1 + 7), (apgd_t, 2 + 1 + 7)):
        model = Counting(2)
        attack(model, x, y, budget)
        assert model.images == passes


class Saturated(LinearModel):
    """Logits so far apart that in fp32 the cross-entropy and its gradient are 0."""

    def forward(self, x: Tensor) -> Tensor:
        return 400 * super().forward(x)


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_a_saturated_softmax_does_not_hide_the_gradient(norm: Norm) -> None:
    model = Saturated((3, 4, 5), seed=3)
    x, y = model.inputs(2), torch.zeros(2, dtype=torch.int64)
    threat = ThreatModel(norm, 8 if norm is Norm.LINF else 0.3)
    x_adv = apgd_ce(model, x, y, Budget(threat, steps=20))
    drop = (model(x) - model(x_adv))[:, 0] / 400
    torch.testing.assert_close(
        drop, torch.full((2,), model.largest_drop(threat)), rtol=0.02, atol=0
    )


@pytest.mark.parametrize("threat", [ThreatModel(Norm.LINF, 1), ThreatModel(Norm.L2, 0.25)], ids=str)
def test_no_weaker_than_pgd_on_a_network(
    mini_resnet: LoadedClassifier, threat: ThreatModel
) -> None:
    pictures = shapes.load()
    prepared = [mini_resnet.recipe.prepare(pictures.read(i), str(i)) for i in range(24)]
    x = torch.stack(prepared).float() / 255
    y = torch.tensor([mini_resnet.numbers.index(label) for label in pictures.labels[:24]])
    budget = Budget(threat, steps=10, seed=1)
    standing = {}
    for attack in (pgd, apgd_ce, apgd_t):
        x_adv = attack(mini_resnet.model, x, y, budget)
        assert (distance(x, x_adv, threat.norm) <= threat.eps * (1 + 1e-5)).all()
        with torch.no_grad():
            standing[attack] = int((margin(mini_resnet.model(x_adv), y) > 0).sum())
    assert 0 < standing[pgd] < 24
    assert standing[apgd_ce] <= standing[pgd]
    assert standing[apgd_t] <= standing[pgd]
