"""The attacks of other libraries as plain functions `(model, x, y, budget) -> x_adv`.

Each gets the model as its library made it, and settings that make it the same attack as ours:
radius, step, number of steps and starts.
"""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.attacks.pgd import step_size
from benchmark.draws import seeded
from benchmark.errors import DataError, UnknownNameError
from benchmark.tensors import Images, Labels
from benchmark.threat import Budget, Norm

PACKAGES = {
    "art": "adversarial-robustness-toolbox",
    "torchattacks": "torchattacks",
    "foolbox": "foolbox",
}

Settings = Callable[[Budget], dict[str, Any]]
"""A budget in the words of a library's attack."""

PeerAttack = Callable[[nn.Module, Images, Labels, Budget], Images]


def library(name: str) -> Any:
    """A peer's module, imported when first asked for: peers are no part of an installation."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as problem:
        package = PACKAGES[name.partition(".")[0]]
        raise DataError(
            f"the bench compares with {package}, which is not installed here ({problem}); "
            "`make bench` installs it"
        ) from problem


def _art(name: str, settings: Settings) -> PeerAttack:
    """The attack `name` of the Adversarial Robustness Toolbox."""

    def attack(model: nn.Module, x: Images, y: Labels, budget: Budget) -> Images:
        with torch.no_grad():
            classes = int(model(x[:1]).shape[1])
        estimator = library("art.estimators.classification").PyTorchClassifier(
            model=model,
            loss=nn.CrossEntropyLoss(),
            input_shape=tuple(x.shape[1:]),
            nb_classes=classes,
            clip_values=(0.0, 1.0),
            device_type="gpu" if x.is_cuda else "cpu",
        )
        made = getattr(library("art.attacks.evasion"), name)
        quiet = {"verbose": False} if "verbose" in made.attack_params else {}
        found = made(estimator, batch_size=len(x), **quiet, **settings(budget))
        x_adv = found.generate(x.cpu().numpy(), np.asarray(y.cpu()))
        return torch.from_numpy(x_adv).to(x)

    return attack


def _torchattacks(name: str, settings: Settings) -> PeerAttack:
    """The attack `name` of torchattacks."""

    def attack(model: nn.Module, x: Images, y: Labels, budget: Budget) -> Images:
        made: Images = getattr(library("torchattacks"), name)(model, **settings(budget))(x, y)
        return made.detach()

    return attack


def _foolbox(name: str, settings: Settings, *, minimal: bool = False) -> PeerAttack:
    """The attack `name` of foolbox; a minimal one is given no radius."""

    def attack(model: nn.Module, x: Images, y: Labels, budget: Budget) -> Images:
        wrapped = library("foolbox").PyTorchModel(model, bounds=(0, 1), device=x.device)
        made = getattr(library("foolbox.attacks"), name)(**settings(budget))
        eps = None if minimal else budget.threat.eps
        clipped: Images = made(wrapped, x, y, epsilons=eps)[1]
        return clipped.detach()

    return attack


def _art_ball(budget: Budget) -> dict[str, Any]:
    norm = np.inf if budget.threat.norm is Norm.LINF else 2
    return {"norm": norm, "eps": budget.threat.eps}


def _torchattacks_ball(budget: Budget) -> dict[str, Any]:
    return {
        "norm": "Linf" if budget.threat.norm is Norm.LINF else "L2",
        "eps": budget.threat.eps,
        "n_restarts": budget.restarts,
        "seed": budget.seed,
    }


def _art_cw(searches: int, first: float) -> Settings:
    """Carlini & Wagner's attack with so many values of c, `first` the first."""
    fixed = {"binary_search_steps": searches, "initial_const": first, "learning_rate": 0.01}
    return lambda b: {**fixed, "max_iter": b.steps}


def _foolbox_cw(searches: int, first: float) -> Settings:
    fixed = {"binary_search_steps": searches, "initial_const": first, "stepsize": 0.01}
    return lambda b: {**fixed, "steps": b.steps}


ART: Mapping[str, PeerAttack] = {
    "fgsm": _art("FastGradientMethod", _art_ball),
    "pgd": _art(
        "ProjectedGradientDescentPyTorch",
        lambda b: {
            **_art_ball(b),
            "eps_step": step_size(b),
            "max_iter": b.steps,
            "num_random_init": b.restarts,
        },
    ),
    "apgd-ce": _art(
        "AutoProjectedGradientDescent",
        lambda b: {
            **_art_ball(b),
            "eps_step": 2 * b.threat.eps,
            "max_iter": b.steps,
            "nb_random_init": b.restarts,
            "loss_type": "cross_entropy",
        },
    ),
    "cw": _art("CarliniL2Method", _art_cw(1, 1.0)),
    "cw-search": _art("CarliniL2Method", _art_cw(9, 1e-3)),
    "deepfool": _art("DeepFool", lambda b: {"epsilon": 0.02, "nb_grads": 10, "max_iter": b.steps}),
    "square": _art(
        "SquareAttack",
        lambda b: {**_art_ball(b), "max_iter": b.queries, "nb_restarts": b.restarts},
    ),
}

TORCHATTACKS: Mapping[str, PeerAttack] = {
    "fgsm": _torchattacks("FGSM", lambda b: {"eps": b.threat.eps}),
    "pgd": _torchattacks(
        "PGD", lambda b: {"eps": b.threat.eps, "alpha": step_size(b), "steps": b.steps}
    ),
    "apgd-ce": _torchattacks("APGD", lambda b: {**_torchattacks_ball(b), "steps": b.steps}),
    # It tries one class less than it is told there are; AutoAttack tries nine.
    "apgd-t": _torchattacks(
        "APGDT", lambda b: {**_torchattacks_ball(b), "steps": b.steps, "n_classes": 10}
    ),
    "cw": _torchattacks("CW", lambda b: {"c": 1, "steps": b.steps, "lr": 0.01}),
    "deepfool": _torchattacks("DeepFool", lambda b: {"steps": b.steps, "overshoot": 0.02}),
    "square": _torchattacks("Square", lambda b: {**_torchattacks_ball(b), "n_queries": b.queries}),
}

FOOLBOX: Mapping[str, PeerAttack] = {
    "fgsm": _foolbox("LinfFastGradientAttack", lambda b: {}),
    "pgd": _foolbox("LinfPGD", lambda b: {"abs_stepsize": step_size(b), "steps": b.steps}),
    "cw": _foolbox("L2CarliniWagnerAttack", _foolbox_cw(1, 1.0), minimal=True),
    "cw-search": _foolbox("L2CarliniWagnerAttack", _foolbox_cw(9, 1e-3), minimal=True),
    "deepfool": _foolbox(
        "L2DeepFoolAttack", lambda b: {"steps": b.steps, "overshoot": 0.02}, minimal=True
    ),
}

PEERS: Mapping[str, Mapping[str, PeerAttack]] = {
    "art": ART,
    "torchattacks": TORCHATTACKS,
    "foolbox": FOOLBOX,
}


def find(peer: str, attack: str) -> PeerAttack:
    """The peer's answer to our attack called `attack`, with its library's own draws seeded."""
    if peer not in PEERS:
        raise UnknownNameError("peer", peer, PEERS)
    if attack not in PEERS[peer]:
        raise UnknownNameError(f"attack of {peer}", attack, PEERS[peer])
    library(peer)
    made = PEERS[peer][attack]

    def run(model: nn.Module, x: Images, y: Labels, budget: Budget) -> Images:
        with seeded(peer, attack, budget.seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return made(model, x, y, budget)

    return run
