"""What flags are derived from: the outcomes of a run, and what the probes measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmark.records import CLEAN, Cell, Run
from benchmark.score import Shares, shares_of
from benchmark.threat import Norm, ThreatModel

ERRORS = 2.0
"""Standard errors from which a difference counts."""


@dataclass(frozen=True)
class Evidence:
    """A run before one classifier, as the rules read it.

    `diagnostics` are sums over the shards; of names that end in `_max`, the largest.
    """

    cells: tuple[Cell, ...]
    shares: Shares
    classes: int
    diagnostics: Mapping[str, float]


class Paired(NamedTuple):
    """How much higher one share is than another, over `n` images that have both."""

    difference: float
    error: float
    n: int

    @property
    def significant(self) -> bool:
        """Whether the difference is positive and more than two standard errors."""
        return self.difference > ERRORS * self.error

    @property
    def in_words(self) -> str:
        """The difference with its standard error."""
        return (
            f"{100 * self.difference:.1f} points, standard error {100 * self.error:.1f}, "
            f"over {self.n} pictures"
        )


def evidence_of(run: Run, classifier: str) -> Evidence:
    """The evidence of `run` before `classifier`."""
    record = next(c for c in run.header.classifiers if c.name == classifier)
    results = [r for r in run.results if r.shard.classifier == classifier]
    shares = shares_of(outcome for result in results for outcome in result.outcomes)
    return Evidence(
        cells=tuple(c for c in run.header.cells if c.name in shares and c.name != CLEAN),
        shares=shares,
        classes=record.classes,
        diagnostics=summed([result.diagnostics for result in results]),
    )


def summed(diagnostics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The diagnostics of all shards as one: the sum, or of names in `_max` the largest."""
    total: dict[str, float] = {}
    for shard in diagnostics:
        for name, value in shard.items():
            before = total.get(name)
            if before is None:
                total[name] = value
            else:
                total[name] = max(before, value) if name.endswith("_max") else before + value
    return total


def paired(higher: Mapping[str, float], lower: Mapping[str, float]) -> Paired:
    """`higher - lower` over the images that both have.

    The standard error is that under no difference, sqrt(sum d^2) / n. For shares of 0 and 1 two of
    it are McNemar's test (1947), which five images that all changed the same way just pass.
    """
    deltas = [share - lower[image] for image, share in higher.items() if image in lower]
    n = len(deltas)
    if n == 0:
        return Paired(0.0, 0.0, 0)
    return Paired(sum(deltas) / n, sum(d * d for d in deltas) ** 0.5 / n, n)


def size(threat: ThreatModel) -> str:
    """A threat model for people, in ASCII."""
    if threat.norm is Norm.LINF:
        return f"L-inf {threat.radius:g}/255"
    return f"L2 {threat.radius:g}"


def per_cent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.1f} %"
