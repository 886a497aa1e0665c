"""Attacks on codecs: plain functions `(loss, x, budget) -> x_adv`, in one table.

Each raises `loss` in `budget.threat` around `x`, which is on the 8-bit lattice, and returns 8-bit
pictures in the ball: of each image the best iterate that the loss saw.
"""

from collections.abc import Mapping

from benchmark.codec_track.attacks.adam import adam
from benchmark.codec_track.attacks.apgd import apgd
from benchmark.codec_track.attacks.cw import cw
from benchmark.codec_track.attacks.fgsm import fgsm
from benchmark.codec_track.attacks.noise import noise
from benchmark.codec_track.attacks.pgd import pgd
from benchmark.codec_track.types import CodecAttack
from benchmark.errors import UnknownNameError

CODEC_ATTACKS: Mapping[str, CodecAttack] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "apgd": apgd,
    "adam": adam,
    "cw": cw,
    "noise": noise,
}


def find(name: str) -> CodecAttack:
    """The attack called `name`."""
    if name not in CODEC_ATTACKS:
        raise UnknownNameError("attack on codecs", name, CODEC_ATTACKS)
    return CODEC_ATTACKS[name]
