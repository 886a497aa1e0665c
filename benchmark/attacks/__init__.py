"""Attacks: plain functions `(model, x, y, budget) -> x_adv`, in one table.

An attack stays in the ball and in [0, 1] and keeps, for every image, the best iterate that it saw.
Whether it succeeded is not its business: the harness rounds, checks and judges.
"""

from collections.abc import Callable, Mapping

from benchmark.attacks.bim import bim
from benchmark.attacks.fgsm import fgsm
from benchmark.attacks.pgd import pgd
from benchmark.errors import UnknownNameError
from benchmark.tensors import Images, Labels, Model
from benchmark.threat import Budget

Attack = Callable[[Model, Images, Labels, Budget], Images]

ATTACKS: Mapping[str, Attack] = {"fgsm": fgsm, "bim": bim, "pgd": pgd}


def find(name: str) -> Attack:
    """The attack called `name`."""
    if name not in ATTACKS:
        raise UnknownNameError("attack", name, ATTACKS)
    return ATTACKS[name]
