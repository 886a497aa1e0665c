"""What all attacks on codecs share: a point's value and slope, and the best points so far."""

from typing import NamedTuple

import torch

from benchmark.codec_track.types import Loss
from benchmark.geometry import in_ball, per_image, to_bytes, to_lattice, to_lattice_in_ball
from benchmark.loss import Slope, gradient_of
from benchmark.tensors import Images, PerImage
from benchmark.threat import ThreatModel


def slope(loss: Loss, x_adv: Images) -> Slope:
    """Value and gradient from one pass; there are no logits, so the values stand in their place."""
    x_adv = x_adv.detach().requires_grad_()
    value = loss(x_adv)
    return Slope(gradient_of(value.sum(), x_adv), value.detach(), value.detach()[:, None])


class Best(NamedTuple):
    """The 8-bit picture in the ball with the highest loss so far, of each image."""

    x_adv: Images
    value: PerImage

    @classmethod
    def none(cls, x: Images) -> "Best":
        """The clean pictures, which anything beats."""
        return cls(x, x.new_full((len(x),), -torch.inf))

    def with_(self, x_adv: Images, value: PerImage, x: Images, threat: ThreatModel) -> "Best":
        """The same, `x_adv` (rounded) in place of what has a lower loss, if it is in the ball."""
        rounded = to_lattice(x_adv)
        better = (value > self.value) & in_ball(to_bytes(rounded), to_bytes(x), threat)
        return Best(
            torch.where(per_image(better), rounded, self.x_adv),
            torch.where(better, value, self.value),
        )

    def or_last(self, loss: Loss, x_adv: Images, x: Images, threat: ThreatModel) -> "Best":
        """The same with `x_adv`, moved into the ball, which no slope was asked at."""
        inside = to_lattice_in_ball(x_adv, x, threat)
        with torch.no_grad():
            return self.with_(inside, loss(inside), x, threat)
