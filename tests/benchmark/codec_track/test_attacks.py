"""Attacks on codecs reach the worst picture where it is known, inside of the ball, in integers."""

import pytest
import torch
from torch import Tensor

from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.attacks import CODEC_ATTACKS
from benchmark.codec_track.types import Views
from benchmark.defense import Coded
from benchmark.errors import UnknownNameError
from benchmark.geometry import distance, in_ball, to_bytes, to_lattice
from benchmark.threat import Budget, Norm, ThreatModel
from tests.benchmark.codec_track.linear import (
    BASE,
    HidingCodec,
    LinearCodec,
    TwoBranches,
    dual,
    grey,
    product,
)

LINF = ThreatModel(Norm.LINF, 4)
L2 = ThreatModel(Norm.L2, 0.5)
MSE = ThreatModel(Norm.MSE, 1e-3)
ONE = Views()
STRONG = ("fgsm", "pgd", "apgd", "adam", "cw")


@pytest.mark.parametrize("attack", STRONG)
@pytest.mark.parametrize("objective", ["rate", "mse"])
def test_the_worst_picture_of_a_linear_codec_is_found(attack: str, objective: str) -> None:
    codec, x = LinearCodec(), grey(5)
    loss = objectives.find(objective)(codec, x, ONE)
    x_adv = attacks.find(attack)(loss, x, Budget(LINF, steps=60))
    worst = codec.worst_rate(x, LINF) if objective == "rate" else codec.worst_error(x, LINF)
    share = (loss(x_adv) - loss(x)) / (worst - loss(x))
    exact = attack in {"fgsm", "pgd", "apgd"}
    assert (share <= 1 + 1e-4).all()
    assert (share >= (1 - 1e-4 if exact else 0.97)).all()


@pytest.mark.parametrize("attack", STRONG)
@pytest.mark.parametrize("threat", [L2, MSE], ids=str)
def test_the_worst_direction_in_balls_of_squares(attack: str, threat: ThreatModel) -> None:
    """On the lattice a point of the sphere is met up to rounding: 1/12 of a squared level a value.

    Adam's steps are as long at every value, whatever its slope, so it ends beside the best point:
    <w, sign w> of |w| sqrt(n), about 0.8 for Gaussian w.
    """
    codec, x = LinearCodec(), grey(4)
    loss = objectives.find("rate")(codec, x, ONE)
    x_adv = attacks.find(attack)(loss, x, Budget(threat, steps=100))
    share = (loss(x_adv) - loss(x)) * 20 / dual(codec.w, threat)
    even = float(codec.w.abs().sum() / (codec.w.norm() * codec.w.numel() ** 0.5))
    assert (share <= 1 + 1e-4).all()
    assert (share >= (0.95 * even if attack == "adam" else 0.93)).all()


@pytest.mark.parametrize("attack", CODEC_ATTACKS)
@pytest.mark.parametrize("threat", [LINF, L2, MSE], ids=str)
def test_results_are_on_the_lattice_and_in_the_ball(attack: str, threat: ThreatModel) -> None:
    torch.manual_seed(1)
    codec, x = LinearCodec(), to_lattice(torch.rand(3, 3, 4, 5))  # black and white among them
    loss = objectives.find("joint")(codec, x, ONE)
    x_adv = attacks.find(attack)(loss, x, Budget(threat, steps=12, restarts=2))
    assert torch.equal(x_adv, to_lattice(x_adv))
    assert in_ball(to_bytes(x_adv), to_bytes(x), threat).all()
    square = (255 * (x_adv - x)).round().square().flatten(1)
    if threat is MSE:
        assert (square.mean(1) <= 1e-3 * 255**2).all()
        assert (square.mean(1) >= 0.5 * 1e-3 * 255**2).all()
    elif threat is LINF:
        assert (square <= 16).all()
        assert (square.amax(1) == 16).all()


@pytest.mark.parametrize("attack", STRONG)
def test_the_result_is_the_best_point_that_was_seen(attack: str) -> None:
    """On a loss that turns down from where its slope leads."""
    x = grey(3)
    seen: list[Tensor] = []

    def loss(x_adv: Tensor) -> Tensor:
        rounded = x_adv + (to_lattice(x_adv) - x_adv).detach()
        value = torch.cos(3000 * (rounded - x)).flatten(1).sum(1) + product(torch.ones(3, 4, 5), x)
        seen.append(value.detach())
        return value

    x_adv = attacks.find(attack)(loss, x, Budget(LINF, steps=9, restarts=2))
    asked = torch.stack(seen).amax(0)
    first = seen[0]
    assert torch.equal(loss(x_adv), asked)
    assert (asked >= first).all()


@pytest.mark.parametrize("attack", STRONG)
def test_one_pass_a_step_serves_value_and_slope(attack: str) -> None:
    codec, x, steps = LinearCodec(), grey(2), 7
    given = objectives.find("rate")(codec, x, ONE)
    passes = {"with slope": 0, "without": 0}

    def loss(x_adv: Tensor) -> Tensor:
        passes["with slope" if x_adv.requires_grad else "without"] += 1
        return given(x_adv)

    attacks.find(attack)(loss, x, Budget(LINF, steps=steps))
    assert passes == {"with slope": 1 if attack == "fgsm" else steps, "without": 1}


def test_an_attack_that_gets_no_slope_returns_the_clean_picture() -> None:
    x = grey(2)
    for attack in STRONG:
        x_adv = attacks.find(attack)(lambda x: torch.ones(len(x)), x, Budget(LINF, steps=3))
        assert torch.equal(x_adv, x)


def test_bits_that_hide_in_another_latent_are_found() -> None:
    """A codec whose first latent never costs more, and whose hyperprior does."""
    codec, x = HidingCodec(), grey(3)
    loss = objectives.find("rate")(codec, x, ONE)
    x_adv = attacks.find("fgsm")(loss, x, Budget(LINF))
    gained = codec.coded(x_adv).bits - codec.coded(x).bits
    torch.testing.assert_close(gained, torch.full((3,), dual(codec.w, LINF)), rtol=1e-3, atol=0)


def test_through_the_selection_is_stronger_than_at_the_winning_branch() -> None:
    codec, x = TwoBranches(), grey(3)
    budget = Budget(LINF, steps=20)
    alone = attacks.find("pgd")(objectives.find("rate")(codec.bare(), x, ONE), x, budget)
    through = attacks.find("pgd")(objectives.find("rate")(codec, x, ONE), x, budget)

    def chosen(x: Tensor) -> Tensor:
        return codec.branches(x).bits.amin(0)

    worst = torch.stack([BASE + product(w, x) + dual(w, LINF) for w in codec.halves]).amin(0)
    torch.testing.assert_close(chosen(through), worst, rtol=1e-6, atol=0)
    # The first branch alone is raised; then the second one, which was left alone, is chosen.
    untouched = BASE + product(codec.halves[1], x)
    assert (chosen(alone) <= untouched + 1e-3).all()
    assert (chosen(through) - chosen(x) > 1.9 * (chosen(alone) - chosen(x))).all()


def test_noise_is_the_largest_of_its_ball_and_the_same_for_every_batch() -> None:
    x = grey(6)
    for threat in (LINF, L2, MSE):
        budget = Budget(threat, seed=5)
        x_adv = attacks.find("noise")(lambda x: x.flatten(1).sum(1), x, budget)
        size = distance(x, x_adv, threat.norm)
        assert (size >= 0.9 * threat.eps).all()
        alone = attacks.find("noise")(lambda x: x.flatten(1).sum(1), x[4:5], budget)
        assert torch.equal(alone, x_adv[4:5])
    steps = (255 * (attacks.find("noise")(lambda x: x, x, Budget(LINF)) - x)).round()
    assert set(steps.flatten().tolist()) == {-4.0, 4.0}
    assert abs(float(steps.mean())) < 1


def test_a_reconstruction_that_is_no_number_is_the_worst() -> None:
    class Broken(LinearCodec):
        def coded(self, x: Tensor) -> Coded:
            given = super().coded(x)
            far = ((x - 120 / 255).abs() > 3 / 255).any() & x.requires_grad
            return given._replace(bits=given.bits * torch.where(far, torch.nan, 1.0))

    codec, x = Broken(), grey(1)
    loss = objectives.find("rate")(codec, x, ONE)
    assert loss(x.clone().requires_grad_()).isinf().all()
    x_adv = attacks.find("pgd")(loss, x, Budget(LINF, steps=3))
    assert torch.isfinite(x_adv).all()


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="unknown attack on codecs 'pdg'; did you mean"):
        attacks.find("pdg")
    with pytest.raises(UnknownNameError, match="unknown objective 'rates'; did you mean rate"):
        objectives.find("rates")
