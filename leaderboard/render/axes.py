"""Axes: what they are labelled, where their ticks stand, where a value is in pixels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

Scale = Callable[[float], str]
"""From a value to its place in pixels."""

WIDE, CLOSE, NARROW = (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), 8
"""Ticks of a logarithmic axis, and the ratio from which on it needs fewer."""


@dataclass(frozen=True)
class Axis:
    """The x axis: its label, and whether it is logarithmic."""

    label: str
    log: bool = False

    @property
    def title(self) -> str:
        """The label, which says so if steps of equal length are equal ratios."""
        return f"{self.label} (logarithmic)" if self.log else self.label


@dataclass(frozen=True)
class Values:
    """The y axis: its label; `share` is for values in [0, 1], shown in per cent.

    `whole` is for counts.
    """

    label: str
    share: bool = False
    whole: bool = False


ACCURACY = Values("Accuracy", share=True)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in pixels and its label."""

    at: str
    label: str


def ticks(reach: float) -> list[float]:
    """Round numbers from 0 on that enclose `reach`."""
    reach = reach or 1.0
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 1e9) if reach / s <= 8)
    return [round(i * step, 6) for i in range(int(reach / step + 0.999) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Of round numbers in every power of ten, those that enclose the values."""
    bases = WIDE if high > NARROW * low else CLOSE
    powers = range(floor(log10(low)) - 1, ceil(log10(high)) + 1)
    steps = [round(base * 10.0**power, 9) for power in powers for base in bases]
    first = max((s for s in steps if s <= low), default=steps[0])
    last = min((s for s in steps if s >= high and s > first), default=steps[-1])
    return [s for s in steps if first <= s <= last]


def scale(low: float, high: float, start: float, stop: float, *, log: bool = False) -> Scale:
    """From `low` to `high` in values, from `start` to `stop` in pixels."""

    def at(value: float) -> str:
        if log:
            share = (log10(value) - log10(low)) / (log10(high) - log10(low))
        else:
            share = (value - low) / (high - low)
        return f"{start + share * (stop - start):.1f}"

    return at


def heights(reached: Sequence[float], *, whole: bool = False) -> list[float]:
    """Round numbers, or `whole` ones, that enclose all values and their bounds."""
    low, high = min(reached), max(reached)
    reach = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(reach / 4))
    step = next(base * power for base in (1, 2, 2.5, 5, 10) if base * power >= reach / 4)
    step = ceil(step) if whole else step
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(i * step, 9) for i in range(first, max(last, first + 1) + 1)]
