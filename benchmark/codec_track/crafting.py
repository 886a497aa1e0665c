"""From pictures and a cell to 8-bit pictures in the ball, and the passes that they cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.types import Loss, Views
from benchmark.cost import kind
from benchmark.defense import Codec
from benchmark.draws import seed_of, seeded
from benchmark.errors import BoxError, CallError
from benchmark.fitting import Fitting, device_is_full
from benchmark.geometry import from_bytes, in_ball, per_image, to_bytes, to_lattice_in_ball
from benchmark.protocol import PlannedCell
from benchmark.tensors import Images, PerImage

TRIAL_STEPS = 2
"""Steps after which an attack holds all the memory that it ever needs."""


class Attacked(NamedTuple):
    """What an attack made of pictures: bytes (n, 3, h, w), and its passes through the codec."""

    pixels: Tensor
    forwards: Tensor
    backwards: Tensor

    def inside(self, clean: Tensor, planned: PlannedCell) -> "Attacked":
        """The same, pictures outside of the ball (counted in integers) replaced by `clean`."""
        fits = per_image(in_ball(self.pixels, clean, planned.budget.threat))
        return self._replace(pixels=torch.where(fits, self.pixels, clean))


class CrashError(Exception):
    """The codec did not survive `x_adv`, which an attack was asking about."""

    def __init__(self, x_adv: Images) -> None:
        """These pictures, or some of them."""
        super().__init__()
        self.x_adv = x_adv


class Counted:
    """A loss that counts, of each image alike, how often it was asked and how often followed."""

    def __init__(self, loss: Loss, draws: int) -> None:
        """Every call stands for `draws` passes of each image."""
        self._loss, self._draws = loss, draws
        self.forwards = self.backwards = 0

    def __call__(self, x: Images) -> PerImage:
        """The loss of each image; a `CrashError` where the codec has none."""
        self.forwards += self._draws
        if x.requires_grad and torch.is_grad_enabled():
            x.register_hook(self._followed)  # type: ignore[no-untyped-call]
        try:
            return self._loss(x)
        except BoxError:  # there is nobody left to ask, or to judge
            raise
        except Exception as problem:
            if device_is_full(problem):
                raise
            raise CrashError(x.detach()) from problem

    def _followed(self, gradient: Tensor) -> None:
        self.backwards += self._draws


def craft(
    codec: Codec,
    pixels: Tensor,
    planned: PlannedCell,
    *seed: object,
    fitting: Fitting | None = None,
) -> Attacked:
    """Attack pictures in bytes (n, 3, h, w) of one size; `seed` names the run's draws.

    A picture that crashes the codec is what an adversary wants: it ends the attack and goes to the
    judge. A crash on the clean picture is an error of the codec's own.
    """

    def tried(group: slice, planned: PlannedCell = planned) -> Attacked:
        return _crafted_or_split(codec, pixels[group], planned, *seed)

    what = (kind(planned.cell), tuple(pixels.shape[1:]))
    short, n = planned.shortened(TRIAL_STEPS), len(pixels)
    parts = (fitting or Fitting()).split(what, n, n, tried, lambda group: tried(group, short))
    return Attacked(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _crafted_or_split(
    codec: Codec, pixels: Tensor, planned: PlannedCell, *seed: object
) -> Attacked:
    """All pictures together, or one by one if the codec crashed on some."""
    try:
        return _crafted(codec, pixels, planned, *seed)
    except CrashError as crash:
        if len(pixels) == 1:
            raise crash.__cause__ or crash from None
    parts = [_crafted_or_split(codec, one, planned, *seed) for one in torch.split(pixels, 1)]
    return Attacked(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _crafted(codec: Codec, pixels: Tensor, planned: PlannedCell, *seed: object) -> Attacked:
    x, cell = from_bytes(pixels), planned.cell
    draws = cell.draws if codec.randomized and cell.draws else 1
    named = seed_of("codec", cell.name, *seed)
    with seeded(named):
        loss = objectives.find(cell.objective or "rate")(codec, x, Views(draws, named))
        counted = Counted(loss, draws)
        try:
            x_adv = attacks.find(cell.attack or "")(counted, x, planned.budget).detach()
        except CrashError as crash:
            x_adv = crash.x_adv
            if len(x) > 1 or torch.equal(to_bytes(x_adv), pixels):
                raise
    if not bool(torch.isfinite(x_adv).all()):
        raise CallError(
            f"attack {cell.name} returned values that are not finite; a gradient of the codec is "
            "not finite: correct it"
        )
    rounded = to_bytes(to_lattice_in_ball(x_adv, x, planned.budget.threat))
    passes = (torch.full((len(x),), count) for count in (counted.forwards, counted.backwards))
    return Attacked(rounded, *passes)
