"""The control: noise of the same budget, which no attack should be weaker than."""

import torch

from benchmark.codec_track.types import Loss
from benchmark.geometry import noise_like, project, to_lattice_in_ball
from benchmark.tensors import Images
from benchmark.threat import Budget, Norm


def noise(loss: Loss, x: Images, budget: Budget) -> Images:
    """Noise as large as the ball allows: +-eps at every value for Linf, else Gaussian.

    The loss is not asked, so it is the same noise for every codec and objective; of `budget` the
    ball and the seed count.
    """
    del loss
    threat = budget.threat
    drawn = noise_like(x, budget.seed, 0, threat.norm)
    if threat.norm is Norm.LINF:
        signs = torch.where(drawn < 0, -1.0, 1.0).to(x)
        return to_lattice_in_ball(x + threat.eps * signs, x, threat)
    return to_lattice_in_ball(project(x + 1e3 * threat.eps * drawn, x, threat), x, threat)
