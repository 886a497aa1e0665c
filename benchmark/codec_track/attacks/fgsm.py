"""Fast gradient sign method (Goodfellow, Shlens, Szegedy 2015, arXiv 1412.6572), on a codec."""

from benchmark.codec_track.attacks.ascent import Best, slope
from benchmark.codec_track.types import Loss
from benchmark.geometry import steepest
from benchmark.tensors import Images
from benchmark.threat import Budget


def fgsm(loss: Loss, x: Images, budget: Budget) -> Images:
    """One step of the full radius from the clean picture; no step where that does not pay.

    `budget.steps`, `restarts` and `seed` are not read.
    """
    threat = budget.threat
    here = slope(loss, x)
    best = Best.none(x).with_(x, here.value, x, threat)
    return best.or_last(
        loss, x + threat.eps * steepest(here.gradient, threat.norm), x, threat
    ).x_adv
