"""Any evasion attack of the Adversarial Robustness Toolbox, by its name there.

`art:HopSkipJump` (Chen, Jordan, Wainwright 2020, arXiv 1904.02144) is the protocols' decision-based
attack.
"""

import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.draws import seeded
from benchmark.errors import CallError, UnknownNameError
from benchmark.geometry import distance, to_bytes
from benchmark.loss import margin
from benchmark.tensors import Attack, Images, Labels, Model, rows
from benchmark.threat import Budget, Norm

PREFIX = "art:"
Options = Mapping[str, str | int | float | bool]


class _SpentError(Exception):
    """The queries of the budget are spent."""


class _Watched(nn.Module):
    """A model for one image that keeps the misclassified picture nearest to it of all it saw.

    An attack of the toolbox has no limit on queries and gives back nothing if it is broken off;
    this has and does.
    """

    def __init__(self, model: Model, x: Images, y: Labels, budget: Budget) -> None:
        super().__init__()
        self._model, self._x, self._y, self._budget = model, x, y, budget
        self._left = budget.queries or None
        self.best, self._nearest = x.clone(), torch.inf

    def forward(self, given: Tensor) -> Tensor:
        given = given.to(self._x)
        if self._left is not None:
            if self._left <= 0:
                raise _SpentError
            given = given[: self._left]
            self._left -= len(given)
        logits = self._model(given)
        self._watch(given.detach(), logits.detach())
        return logits

    @property
    def found(self) -> bool:
        """Whether any picture seen was misclassified."""
        return self._nearest < torch.inf

    def _watch(self, given: Images, logits: Tensor) -> None:
        broken = given[margin(logits, self._y.expand(len(given))) < 0].clamp(0, 1)
        if len(broken):
            away = distance(self._x.expand_as(broken), broken, self._budget.threat.norm)
            if float(away.min()) < self._nearest:
                self._nearest = float(away.min())
                self.best = broken[away.argmin()][None]


def find(name: str, options: Options) -> Attack:
    """The attack `art:<class>` of the toolbox with `options` as arguments of its class."""
    evasion = _module("art.attacks.evasion")
    known = {
        key: value
        for key, value in vars(evasion).items()
        if isinstance(value, type) and hasattr(value, "attack_params")
    }
    if name.removeprefix(PREFIX) not in known:
        listed = [PREFIX + key for key in sorted(known)]
        raise UnknownNameError("attack", name, listed)
    made = known[name.removeprefix(PREFIX)]
    unknown = sorted(set(options) - set(made.attack_params))
    if unknown:
        raise UnknownNameError(f"option of {name}", unknown[0], made.attack_params)

    def attack(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
        found = [
            _attacked(made, options, rows(model, index), x[index], y[index], budget)
            for index in torch.arange(len(x), device=x.device)[:, None]
        ]
        return torch.cat(found)

    return attack


def _attacked(
    made: Any, options: Options, model: Model, x: Images, y: Labels, budget: Budget
) -> Images:
    """One image alone, so that no draw of the toolbox depends on its neighbors."""
    watched = _Watched(model, x, y, budget)
    with torch.no_grad():
        logits = watched(x)
    if float(margin(logits, y)) < 0:
        return x
    estimator = _module("art.estimators.classification").PyTorchClassifier(
        model=watched,
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(x.shape[1:]),
        nb_classes=int(logits.shape[1]),
        clip_values=(0.0, 1.0),
        device_type="gpu" if x.is_cuda else "cpu",
    )
    arguments = {**_from_budget(budget), **options}
    known = {key: value for key, value in arguments.items() if key in made.attack_params}
    key = (budget.seed, to_bytes(x).cpu().numpy().tobytes())
    with seeded(*key), _no_entropy(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            attack = made(estimator, **known)
            answer = torch.from_numpy(attack.generate(x.cpu().numpy(), np.asarray(y.cpu()))).to(x)
            watched(answer)
        except _SpentError:
            return watched.best
        except (TypeError, ValueError) as problem:
            raise CallError(f"{PREFIX}{made.__name__}: {problem}; correct its options") from problem
    return watched.best if watched.found else answer.clamp(0, 1)


class _Seeded(np.random.RandomState):
    """Takes its seed from NumPy's global generator where it would ask the machine for one."""

    def __init__(self, seed: Any = None) -> None:
        super().__init__(np.random.randint(2**32) if seed is None else seed)


@contextmanager
def _no_entropy() -> Iterator[None]:
    """Some attacks of the toolbox make a generator without a seed; a run must repeat itself."""
    with mock.patch("numpy.random.RandomState", _Seeded):
        yield


def _from_budget(budget: Budget) -> dict[str, Any]:
    """The budget in the words of the toolbox; an attack takes the arguments it knows."""
    return {
        "norm": np.inf if budget.threat.norm is Norm.LINF else 2,
        "eps": budget.threat.eps,
        "eps_step": 2.5 * budget.threat.eps / max(budget.steps, 1),
        "max_iter": budget.steps,
        "batch_size": 1,
        "targeted": False,
        "verbose": False,
    }


def _module(name: str) -> Any:
    """A module of the toolbox, imported when first asked for: it takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)
