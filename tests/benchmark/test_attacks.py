"""Attacks reach the optimum where it is known, stay in the ball, and repeat themselves."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmark.attacks import ATTACKS, MINIMAL, find
from benchmark.errors import UnknownNameError
from benchmark.geometry import distance, to_lattice
from benchmark.loss import margin
from benchmark.threat import Budget, Norm, ThreatModel
from tests.linear import LinearModel

THREATS = [ThreatModel(Norm.LINF, 8), ThreatModel(Norm.L2, 0.3)]
IN_BALL = sorted(set(ATTACKS) - MINIMAL)
ASCENTS = sorted(set(IN_BALL) - {"square"})  # its optimum: test_square.py
EACH_ATTACK = pytest.mark.parametrize("name", sorted(ATTACKS))
EACH_IN_BALL = pytest.mark.parametrize("name", IN_BALL)
EACH_ASCENT = pytest.mark.parametrize("name", ASCENTS)
EACH_THREAT = pytest.mark.parametrize("threat", THREATS, ids=str)


def budget(threat: ThreatModel, **changes: int | bool) -> Budget:
    return dataclasses.replace(Budget(threat, steps=20, queries=60, seed=7), **changes)


@EACH_ASCENT
@EACH_THREAT
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("restarts", [1, 2])
def test_reaches_the_optimum_of_a_linear_model(
    linear: LinearModel, name: str, threat: ThreatModel, n: int, restarts: int
) -> None:
    x, y = linear.inputs(n), torch.zeros(n, dtype=torch.int64)
    x_adv = ATTACKS[name](linear, x, y, budget(threat, restarts=restarts, until_broken=False))
    drop = (linear(x) - linear(x_adv))[:, 0]
    optimum = torch.full((n,), linear.largest_drop(threat))
    torch.testing.assert_close(drop, optimum, rtol=0.02, atol=0)
    assert (distance(x, x_adv, threat.norm) <= threat.eps * (1 + 1e-5)).all()
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


@EACH_ATTACK
@EACH_THREAT
def test_stays_in_the_box(linear: LinearModel, name: str, threat: ThreatModel) -> None:
    """At black and white pixels half the ball is outside of the box."""
    x = (linear.w > 0).float()[None]
    x_adv = ATTACKS[name](linear, x, torch.tensor([0]), budget(threat))
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    if name not in MINIMAL:
        assert distance(x, x_adv, threat.norm) <= threat.eps * (1 + 1e-5)


class Planted(LinearModel):
    """Right everywhere but in a thin slab around one planted perturbation."""

    def forward(self, x: Tensor) -> Tensor:
        score = 0.5 - (x - 0.5).mul(self.w.sign()).flatten(1).mean(1) * 40
        return torch.stack([score, -score], 1)


@EACH_IN_BALL
def test_finds_a_planted_example(name: str) -> None:
    """The slab begins at 3.2/255 along a known direction: k = 4 reaches it, k = 3 cannot."""
    model = Planted((3, 8, 8), seed=1)
    x, y = torch.full((2, 3, 8, 8), 0.5), torch.zeros(2, dtype=torch.int64)
    found = ATTACKS[name](model, x, y, budget(ThreatModel(Norm.LINF, 4), queries=600))
    assert (margin(model(found), y) < 0).all()
    missed = ATTACKS[name](model, x, y, budget(ThreatModel(Norm.LINF, 3), queries=600))
    assert (margin(model(missed), y) > 0).all()


@pytest.mark.parametrize("name", sorted(MINIMAL))
def test_finds_the_nearest_planted_example(name: str) -> None:
    """Along the same direction, 3.1875/255 a pixel, in L2 that times the root of the pixels."""
    model = Planted((3, 8, 8), seed=1)
    x, y = torch.full((2, 3, 8, 8), 0.5), torch.zeros(2, dtype=torch.int64)
    found = ATTACKS[name](model, x, y, budget(THREATS[0], steps=60))
    assert (margin(model(found), y) < 0).all()
    nearest = 0.5 / 40 * (3 * 8 * 8) ** 0.5
    assert (distance(x, found, Norm.L2) >= nearest * (1 - 1e-5)).all()
    assert (distance(x, found, Norm.L2) <= nearest * 1.03).all()


@EACH_ATTACK
@EACH_THREAT
def test_same_seed_same_bytes(linear: LinearModel, name: str, threat: ThreatModel) -> None:
    x, y = linear.inputs(3), torch.zeros(3, dtype=torch.int64)
    first, second = (ATTACKS[name](linear, x, y, budget(threat, steps=3)) for _ in range(2))
    assert torch.equal(first, second)


def test_another_seed_another_start(linear: LinearModel) -> None:
    """Without a gradient the attack returns its random start."""
    x, y = to_lattice(linear.inputs(2)), torch.zeros(2, dtype=torch.int64)
    linear.w.zero_()
    one, other = (
        ATTACKS["pgd"](linear, x, y, budget(THREATS[0], steps=1, seed=seed)) for seed in (1, 2)
    )
    assert not torch.equal(one, other)


@EACH_ATTACK
@EACH_THREAT
def test_an_image_is_attacked_alike_in_any_batch(
    linear: LinearModel, name: str, threat: ThreatModel
) -> None:
    x, y = linear.inputs(4), torch.zeros(4, dtype=torch.int64)
    together = ATTACKS[name](linear, x, y, budget(threat, restarts=2))
    order = [2, 0, 3, 1]
    shuffled = ATTACKS[name](linear, x[order], y[order], budget(threat, restarts=2))
    alone = ATTACKS[name](linear, x[2:3], y[2:3], budget(threat, restarts=2))
    torch.testing.assert_close(shuffled, together[order], rtol=0, atol=1e-6)
    torch.testing.assert_close(alone, together[2:3], rtol=0, atol=1e-6)


class Counting:
    """Counts the images of every forward pass."""

    def __init__(self, model: Callable[[Tensor], Tensor]) -> None:
        self.model, self.images = model, 0

    def __call__(self, x: Tensor) -> Tensor:
        self.images += len(x)
        return self.model(x)


def test_broken_images_cost_nothing_more(linear: LinearModel) -> None:
    """Of two images one is broken from the start: it is queried once, the other 1 + steps times."""
    x = linear.inputs(2)
    y = torch.tensor([0, 1])
    model = Counting(linear)
    threat = ThreatModel(Norm.LINF, 1)
    ATTACKS["bim"](model, x, y, budget(threat, steps=6))
    assert model.images == 1 + (6 + 1)
    model = Counting(linear)
    ATTACKS["bim"](model, x, y, budget(threat, steps=6, until_broken=False))
    assert model.images == 2 * 6  # nothing compares the last iterate


def test_an_unknown_attack_suggests_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="unknown attack 'pgdd'; did you mean pgd"):
        find("pgdd")


def test_margin() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.5], [0.0, 4.0, 1.0]])
    torch.testing.assert_close(margin(logits, torch.tensor([0, 2])), torch.tensor([0.5, -3.0]))
