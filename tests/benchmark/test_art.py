"""Attacks of the Adversarial Robustness Toolbox, by name, within our budget and counts."""

import pytest
import torch

from benchmark import attacks
from benchmark.attacked import AttackedModel
from benchmark.errors import CallError, UnknownNameError
from benchmark.geometry import distance, to_lattice
from benchmark.loss import margin
from benchmark.threat import Budget, Norm, ThreatModel
from tests.linear import LinearModel


def near(linear: LinearModel, n: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Lattice pictures at a known L2 distance from the boundary of a linear model."""
    linear.w -= linear.w.mean()  # so that a grey picture lies on the boundary
    away = 0.3
    x = torch.full((n, *linear.w.shape), 0.5) + away * linear.w / linear.w.norm()
    return x, torch.zeros(n, dtype=torch.int64), away


def test_hopskipjump_nears_the_boundary_within_its_queries(linear: LinearModel) -> None:
    x, y, away = near(linear, 2)
    model = AttackedModel(linear, None, 2)
    threat = ThreatModel(Norm.L2, 1)
    budget = Budget(threat, steps=20, queries=3000, seed=1)
    x_adv = attacks.find("art:HopSkipJump")(model, x, y, budget)
    assert (margin(linear(to_lattice(x_adv)), y) < 0).all()
    assert (distance(x, x_adv, Norm.L2) < 1.5 * away).all()
    assert model.forwards.max() <= 3000
    assert model.backwards.tolist() == [0, 0]
    alone = attacks.find("art:HopSkipJump")(model.rows(torch.tensor([0])), x[:1], y[:1], budget)
    assert torch.equal(alone, x_adv[:1])  # no draw depends on the neighbors or on the machine


def test_a_gradient_attack_by_name_reaches_the_optimum(linear: LinearModel) -> None:
    x, y, _ = near(linear, 2)
    threat = ThreatModel(Norm.LINF, 8)
    found = attacks.find("art:FastGradientMethod")(linear, x, y, Budget(threat))
    drop = (linear(x) - linear(found))[:, 0]
    torch.testing.assert_close(
        drop, torch.full((2,), linear.largest_drop(threat)), rtol=1e-3, atol=0
    )


def test_wrong_names_and_options() -> None:
    with pytest.raises(UnknownNameError, match="unknown attack 'art:HopSkipJmp'; did you mean art"):
        attacks.find("art:HopSkipJmp")
    with pytest.raises(UnknownNameError, match="unknown option of art:HopSkipJump 'max_itr'"):
        attacks.find("art:HopSkipJump", {"max_itr": 3})
    with pytest.raises(CallError, match="attack pgd takes no options"):
        attacks.find("pgd", {"a": 1})


def test_a_wrong_value_is_a_sentence(linear: LinearModel) -> None:
    x, y, _ = near(linear, 1)
    attack = attacks.find("art:HopSkipJump", {"init_eval": -3})
    with pytest.raises(CallError, match=r"art:HopSkipJump: .*correct its options"):
        attack(linear, x, y, Budget(ThreatModel(Norm.L2, 1)))
