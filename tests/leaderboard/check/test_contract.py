"""The contract: each promise that a plugin breaks is found, and honest ones pass."""

from collections.abc import Callable

import pytest
import torch

from benchmark.api import Codec, Defense, Jpeg
from benchmark.defense import Classifier, Plugin
from benchmark.errors import BoxError
from benchmark.tensors import Images, Logits, PerImage
from leaderboard.check.contract import BRIEF, WHOLE, Subject, measure
from leaderboard.check.findings import Finding, Level


class Half(Defense):
    def forward(self, x: Images) -> Images:
        return 0.25 + x / 2


class Wrong(Half):
    """Multiplies the gradient by 3."""

    def forward(self, x: Images) -> Images:
        y = super().forward(x)
        return y.detach() + 3 * (y - y.detach())


class Flat(Half):
    def forward(self, x: Images) -> Images:
        return torch.round(x * 3) / 3


class TooBright(Half):
    def forward(self, x: Images) -> Images:
        return x + 1


class NotFinite(Half):
    def forward(self, x: Images) -> Images:
        return x / 0


class Smaller(Half):
    def forward(self, x: Images) -> Images:
        return x[..., 1:]


class Constant(Half):
    def forward(self, x: Images) -> Images:
        return 0 * x + 0.5


class Noisy(Half):
    def forward(self, x: Images) -> Images:
        return (super().forward(x) + 0.1 * torch.rand_like(x)).clamp(0, 1)


class DeclaredNoisy(Noisy):
    randomized = True


class Counting(Half):
    calls = 0

    def forward(self, x: Images) -> Images:
        self.calls += 1
        return super().forward(x) if self.calls < 9 else 1 - super().forward(x)


class OfItsBatch(Half):
    def forward(self, x: Images) -> Images:
        return 0.5 * x + 0.1 * len(x) / 8


class Told(Codec):
    """Keeps the pictures instead of writing them."""

    kept: list[Images] = []  # noqa: RUF012 (that is the cheat)

    def compress(self, x: Images) -> list[bytes]:
        self.kept[:] = [x]
        return [b"x"] * len(x)

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        return self.kept[0]


class NoPicture(Told):
    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        return None  # type: ignore[return-value]


class WithoutSurrogate(Flat):
    """Rounds, and keeps the surrogate that it inherits: the identity."""


class Empty(Told):
    def compress(self, x: Images) -> list[bytes]:
        super().compress(x)
        return [b""] * len(x)


class Bragging(Jpeg):
    def likelihood_bits(self, x: Images) -> PerImage:
        return x.flatten(1).sum(1) * 0 + 1.0


class Guess(Classifier):
    def forward(self, x: Images) -> Logits:
        return torch.stack([x.flatten(1).mean(1) * i for i in range(10)], dim=1)


class TooFew(Classifier):
    def forward(self, x: Images) -> Logits:
        return x.flatten(1)[:, :3]


class Gone(Half):
    def forward(self, x: Images) -> Images:
        raise BoxError("the box was ended")


def found(make: Callable[[], Plugin], gradient: str = "exact") -> list[Finding]:
    plugin = make()
    return measure(Subject(plugin, make, gradient, bool(plugin.randomized)), WHOLE)


@pytest.mark.parametrize(
    ("make", "gradient"),
    [
        (Half, "exact"),
        (lambda: Jpeg(50), "surrogate"),
        (lambda: Jpeg(50), "none"),
        (Guess, "exact"),
        (DeclaredNoisy, "exact"),
    ],
)
def test_an_honest_plugin_passes(make: Callable[[], Plugin], gradient: str) -> None:
    assert {one.level for one in found(make, gradient)} <= {Level.OK, Level.NOTE}


@pytest.mark.parametrize(
    ("make", "gradient", "level", "part", "says"),
    [
        (TooBright, "exact", Level.ERROR, "output", "values in [1"),
        (NotFinite, "exact", Level.ERROR, "output", "not finite"),
        (Smaller, "exact", Level.ERROR, "output", "returned shape"),
        (Constant, "exact", Level.WARNING, "output", "give the same answer"),
        (Constant, "exact", Level.ERROR, "gradient", "is 0 everywhere"),
        (Noisy, "exact", Level.ERROR, "randomness", "say randomized = true"),
        (OfItsBatch, "exact", Level.WARNING, "stateful", "alone and in another order"),
        (Counting, "none", Level.WARNING, "stateful", "alone and in another order"),
        (Wrong, "exact", Level.WARNING, "gradient", "finite differences along it are within"),
        (Flat, "exact", Level.ERROR, "gradient", "is 0 everywhere"),
        (WithoutSurrogate, "surrogate", Level.ERROR, "gradient", "define it in the class"),
        (NoPicture, "none", Level.ERROR, "output", "decompress returned NoneType, expected a"),
        (Told, "none", Level.ERROR, "bitstream", "each must stand alone"),
        (Empty, "none", Level.ERROR, "bitstream", "an empty stream"),
        (lambda: Bragging(50), "surrogate", Level.WARNING, "likelihood", "0.00 of the real bits"),
        (TooFew, "exact", Level.ERROR, "output", "expected (2, k)"),
    ],
)
def test_a_promise_that_is_broken_is_found(
    make: Callable[[], Plugin], gradient: str, level: Level, part: str, says: str
) -> None:
    matching = [one for one in found(make, gradient) if one.part == part and says in one.says]
    assert [one.level for one in matching] == [level]


def test_one_fault_is_told_once() -> None:
    told = [one for one in found(Smaller) if one.level == Level.ERROR]
    assert len(told) == len({one.says for one in told}) < 3


def test_a_dead_box_ends_the_measurement() -> None:
    (only,) = found(Gone)
    assert (only.level, only.says) == (Level.ERROR, "the box was ended")


def test_the_brief_contract_is_a_part_of_the_whole() -> None:
    assert set(BRIEF) < set(WHOLE)
