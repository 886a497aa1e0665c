"""From a batch and a cell to 8-bit pictures in the ball, and the passes that they cost."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark import attacks
from benchmark.attacked import AttackedModel, tolerant
from benchmark.cost import kind
from benchmark.defense import Codec, Plugin
from benchmark.draws import seeded
from benchmark.errors import CallError
from benchmark.estimators import ESTIMATORS, estimator
from benchmark.fitting import Fitting
from benchmark.geometry import from_bytes, to_bytes, to_lattice, to_lattice_in_ball
from benchmark.judge import differences, in_ball
from benchmark.loss import margin
from benchmark.protocol import PlannedCell
from benchmark.tensors import DefenseMap, Images, Labels, Mask, Model
from benchmark.threat import Access, ThreatModel

TRIAL_STEPS = 2
"""Steps after which an attack holds all the memory that it ever needs."""

AT_ONCE = 96
"""Images times draws in one forward pass of an attack that averages over draws."""

NEARLY = 0.01
"""A margin this small, as a share of the largest logit, may be below 0 in another batch in bf16."""


class Crafted(NamedTuple):
    """What an attack made of a batch: 8-bit pictures, and the passes it spent on each."""

    pixels: Tensor
    forwards: Tensor
    backwards: Tensor

    @classmethod
    def untouched(cls, pixels: Tensor) -> "Crafted":
        """These pictures, a copy, for which nothing was spent."""
        nothing = torch.zeros(len(pixels), dtype=torch.int64)
        return cls(pixels.clone(), nothing, nothing.clone())

    def first(self, n: int) -> "Crafted":
        """The first `n` rows."""
        return Crafted(self.pixels[:n], self.forwards[:n], self.backwards[:n])

    def put(self, images: Mask, part: "Crafted") -> None:
        """Write `part`, which has one row for each of `images`, over those rows."""
        self.pixels[images] = part.pixels
        self.forwards[images.cpu()], self.backwards[images.cpu()] = part.forwards, part.backwards

    def inside(self, clean: Tensor, threat: ThreatModel, attack: str | None) -> "Crafted":
        """The same, pictures outside of the ball (counted in integers) replaced by `clean`.

        What minimized the distance is first moved into the ball.
        """
        pixels = self.pixels
        if attack in attacks.MINIMAL:
            x_adv, x = from_bytes(pixels), from_bytes(clean)
            pixels = to_bytes(to_lattice_in_ball(x_adv, x, threat))
        linf, l2 = differences(pixels, clean)
        fits = torch.tensor([in_ball(a, b, threat) for a, b in zip(linf, l2, strict=True)])
        kept = fits.view(-1, 1, 1, 1).to(pixels.device)
        return self._replace(pixels=torch.where(kept, pixels, clean))


class Attacker:
    """A classifier, as it is (`precise`) and prepared for speed (`fast`), and what it hides behind.

    Gradients come from `fast`. An image that it calls misclassified, or nearly so, and `precise`
    does not, is attacked again with `precise`, so that lower precision never counts as robustness.
    Query attacks see `precise` alone: an answer is an answer. So do attacks that end on a boundary,
    which is not in the same place for both. A submission that classifies by itself is attacked as
    it is, with nothing behind it (`benchmark.replacement.behind`) that could be prepared.
    """

    def __init__(
        self,
        precise: Model,
        fast: Model,
        defense: Plugin | None,
        fitting: Fitting | None = None,
    ) -> None:
        """Without a defense the bare classifier is attacked, as for transfer."""
        self._precise, self._fast = precise, fast
        self._defense, self._fitting = defense, fitting or Fitting()

    def __call__(self, pixels: Tensor, y: Labels, planned: PlannedCell, *seed: object) -> Crafted:
        """Attack pictures in bytes (n, 3, h, w); `seed` names the draws of a randomized defense.

        The result of an attack that minimizes the distance is on the lattice but in no ball.
        """
        size = max(1, AT_ONCE // planned.budget.draws) if planned.budget.draws > 1 else len(y)
        what = (kind(planned.cell), tuple(pixels.shape[1:]))

        def crafted(group: slice) -> Crafted:
            with seeded("craft", planned.cell.name, group.start, *seed):
                return self._group(pixels[group], y[group], planned)

        def trial(group: slice) -> None:
            with seeded("craft", planned.cell.name, group.start, *seed):
                self._try(pixels[group], y[group], planned.shortened(TRIAL_STEPS))

        parts = self._fitting.split(what, len(y), size, crafted, trial)
        return Crafted(*(torch.cat(columns) for columns in zip(*parts, strict=True)))

    def _try(self, pixels: Tensor, y: Labels, planned: PlannedCell) -> None:
        """As much as needs all memory that an attack ever does, of either model."""
        defense = self._map(planned.cell.estimator or "")
        for model in (self._fast, self._precise):
            _attacked(model, defense, pixels, y, planned)

    def _group(self, pixels: Tensor, y: Labels, planned: PlannedCell) -> Crafted:
        defense = self._map(planned.cell.estimator or "")
        exactly = planned.cell.access is Access.QUERY or planned.cell.attack in attacks.MINIMAL
        if exactly or self._fast is self._precise:
            return _attacked(self._precise, defense, pixels, y, planned)
        crafted = _attacked(self._fast, defense, pixels, y, planned)
        if not planned.budget.until_broken:  # no claim was believed, so none needs a check
            return crafted
        doubted = self._doubted(crafted, y, defense)
        if bool(doubted.any()):
            again = _attacked(self._precise, defense, pixels[doubted], y[doubted], planned)
            crafted.pixels[doubted] = again.pixels
            crafted.forwards[doubted.cpu()] += again.forwards
            crafted.backwards[doubted.cpu()] += again.backwards
        return crafted

    def _map(self, name: str) -> DefenseMap | None:
        if self._defense is None:
            return None
        # A query attack names none and asks for no gradient.
        wanted = name in ESTIMATORS
        mapped = estimator(name, self._defense) if wanted else self._defense.forward
        return tolerant(mapped) if isinstance(self._defense, Codec) else mapped

    def _doubted(self, crafted: Crafted, y: Labels, defense: DefenseMap | None) -> Mask:
        """Images that `fast` misclassifies and `precise` does not; one pass of each is counted."""
        x_adv = from_bytes(crafted.pixels)
        with torch.no_grad():
            defended = x_adv if defense is None else defense(x_adv)
            claimed, found = (self._fast(defended), self._precise(defended))
        crafted.forwards[:] += 1
        # The last bits depend on the batch, and an attack stops as soon as it sees success.
        near = NEARLY * found.abs().amax(1)
        return (margin(claimed, y) < near) & (margin(found, y) >= 0)


def _attacked(
    classifier: Model, defense: DefenseMap | None, pixels: Tensor, y: Labels, planned: PlannedCell
) -> Crafted:
    x, budget = from_bytes(pixels), planned.budget
    model = AttackedModel(classifier, defense, len(x), draws=budget.draws)
    attack = attacks.find(planned.cell.attack or "", planned.options)
    x_adv = _finite(attack(model, x, y, budget).detach(), planned)
    minimal = planned.cell.attack in attacks.MINIMAL
    rounded = to_lattice(x_adv) if minimal else to_lattice_in_ball(x_adv, x, budget.threat)
    return Crafted(to_bytes(rounded), model.forwards, model.backwards)


def _finite(x_adv: Images, planned: PlannedCell) -> Images:
    if not bool(torch.isfinite(x_adv).all()):
        raise CallError(
            f"attack {planned.cell.name} returned values that are not finite; a gradient of the "
            "defense is not finite: correct it, or declare another one in the manifest"
        )
    return x_adv


def check_attacks(planned: Iterator[PlannedCell]) -> Iterator[PlannedCell]:
    """The same cells, each of whose attacks is known."""
    for one in planned:
        attacks.find(one.cell.attack or "", one.options)
        yield one
