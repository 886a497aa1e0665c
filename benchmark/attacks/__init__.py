"""Attacks: plain functions `(model, x, y, budget) -> x_adv`, in one table.

An attack stays in the ball and in [0, 1] and keeps, for every image, the best iterate that it saw.
Whether it succeeded is not its business: the harness rounds, checks and judges.
"""

from collections.abc import Mapping

from benchmark.attacks import art
from benchmark.attacks.apgd import apgd_ce, apgd_t
from benchmark.attacks.bim import bim
from benchmark.attacks.cw import cw, cw_search
from benchmark.attacks.deepfool import deepfool
from benchmark.attacks.fgsm import fgsm
from benchmark.attacks.pgd import pgd
from benchmark.attacks.square import square
from benchmark.errors import CallError, UnknownNameError
from benchmark.tensors import Attack

ATTACKS: Mapping[str, Attack] = {
    "fgsm": fgsm,
    "bim": bim,
    "pgd": pgd,
    "apgd-ce": apgd_ce,
    "apgd-t": apgd_t,
    "cw": cw,
    "cw-search": cw_search,
    "deepfool": deepfool,
    "square": square,
}

MINIMAL = frozenset({"cw", "cw-search", "deepfool"})
"""Attacks that look for the nearest misclassified image, whatever the radius of the ball.

They do not read it: their result is crafted once and judged at every radius. An image for which
they find nothing comes back as it was.
"""


def find(name: str, options: art.Options | None = None) -> Attack:
    """The attack called `name`; `art:NAME` is one of the Adversarial Robustness Toolbox."""
    if name.startswith(art.PREFIX):
        return art.find(name, options or {})
    if name not in ATTACKS:
        raise UnknownNameError("attack", name, ATTACKS)
    if options:
        raise CallError(f"attack {name} takes no options; given: {', '.join(options)}")
    return ATTACKS[name]
