"""The tables of `site/content/real-photographs.md` on codecs, from the runs in a database.

    export SQUEEZEBENCH_DATA=/path/to/folder
    evaluate() { squeezebench evaluate submissions/$1 $(printf -- "--variant %s " ${@:2}) \\
      --protocol tests/real/codecs.toml --db runs.db --workers 1 --unsandboxed; }
    evaluate identity none
    evaluate jpeg q5 q10 q25 q50
    evaluate webp q0 q5 q20 q50
    evaluate avif q5 q20 q35 q50
    evaluate bls2017 step1 step2 step4 step8 step16
    evaluate sequential jpeg-q10x5 jpeg-q25x5 webp-q5x5 webp-q20x5 avif-q20x5 avif-q35x5 \\
      bls2017-step1x5 bls2017-step2x5 bls2017-step4x5 bls2017-step8x5 bls2017-step16x5
    python -m tests.real.codecs_table runs.db

Of each variant the last completed run under `codecs.toml` counts; accuracy is in per cent. Without
the sandbox, because the submissions are the project's own and every box imports for seconds.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmark.comparison import Shares, paired_difference, shares_at_rate
from benchmark.records import CLEAN, Interval, Run
from benchmark.score import inside, lowest, lowest_of_attacked, score, shares_of
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.store import Store
from leaderboard.store.store import COMPLETED

PROTOCOL = "photographs-codecs"
RATES = (0.2, 0.4, 0.6, 0.8, 1.0)
ROUNDS = "x5"
SINGLE, REPEATED = ("jpeg", "webp", "avif", "bls2017"), "sequential"
TRADITIONAL = "jpeg"


class Figure(NamedTuple):
    """A column: what is counted as right of each image."""

    title: str
    threat: ThreatModel | None = None
    access: Access | None = None


FIGURES = (
    Figure("no attack"),
    Figure("transfer, *k* = 4", ThreatModel(Norm.LINF, 4), Access.TRANSFER),
    Figure("transfer, *k* = 8", ThreatModel(Norm.LINF, 8), Access.TRANSFER),
    Figure("worst case, *k* = 1", ThreatModel(Norm.LINF, 1)),
    Figure("worst case, *k* = 4", ThreatModel(Norm.LINF, 4)),
)


class Entry(NamedTuple):
    """One run before one classifier: bits per pixel, and of each figure the share of each image."""

    name: str
    rate: Interval | None
    shares: Mapping[str, Shares]


def completed(store: Store) -> dict[str, Run]:
    """The last completed run of each entry, over as many pictures as any has."""
    found = [r for r in store.runs() if r.header.protocol == PROTOCOL and r.status == COMPLETED]
    most = max((run.header.images for run in found), default=0)
    whole = [run for run in found if run.header.images == most]
    return {run.header.entry: store.run(run.id) for run in whole}


def entry_of(run: Run, classifier: str) -> Entry:
    """What the run says of this classifier."""
    outcomes = [o for r in run.results if r.shard.classifier == classifier for o in r.outcomes]
    shares = shares_of(outcomes)
    cells = [cell for cell in run.header.cells if cell.name in shares and cell.name != CLEAN]

    def of(figure: Figure) -> Shares:
        if figure.threat is None:
            by_image = lowest((), shares)
        else:
            within = inside(cells, figure.threat)
            kept = [c for c in within if figure.access in (None, c.access)]
            by_image = lowest_of_attacked(kept, shares)
        return np.array([share for _, share in sorted(by_image.items())])

    figures = {figure.title: of(figure) for figure in FIGURES}
    return Entry(run.header.entry, score(run, classifier).bits_per_pixel, figures)


def share(interval: Interval | None) -> str:
    """A share with its bounds, in per cent."""
    if interval is None:
        return "–"
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.estimate:.0f} ({low:.0f}–{high:.0f})"


def difference(interval: Interval) -> str:
    """A difference with its bounds, in points."""
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.estimate:+.0f} ({low:+.0f} to {high:+.0f})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def unless_empty(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """`table`, or nothing where there are no rows."""
    return table(header, rows) if rows else ""


def by_entry(runs: Mapping[str, Run], classifier: str) -> str:
    """Every entry with every figure."""
    rows = []
    for run in runs.values():
        scored, entry = score(run, classifier), entry_of(run, classifier)
        cells = []
        for figure in FIGURES:
            found = scored.at(figure.threat) if figure.threat else None
            accuracy = scored.clean if found is None else found.worst
            if found is not None and figure.access is not None:
                accuracy = found.by_access[figure.access]
            cells.append(share(accuracy))
        rate = "–" if entry.rate is None else f"{entry.rate.estimate:.2f}"
        rows.append([entry.name, rate, *cells])
    return table(["defense", "bits per pixel", *(figure.title for figure in FIGURES)], rows)


def curve(entries: Sequence[Entry], codec: str) -> list[Entry]:
    """The rate points of one codec, the lowest rate first."""
    own = [entry for entry in entries if entry.name.startswith(f"{codec}/")]
    return sorted(own, key=lambda entry: entry.rate.estimate if entry.rate else 0)


def interpolated(points: Sequence[Entry], title: str, rate: float) -> Shares | None:
    """The shares of each image at `rate` on the codec's curve; None outside of it."""
    rates = [point.rate.estimate for point in points if point.rate]
    return shares_at_rate(rates, np.array([point.shares[title] for point in points]), rate)


def at_equal_rates(entries: Sequence[Entry], other: str) -> str:
    """`other` and JPEG where both have the rate, and the difference of the two, paired."""
    rows = []
    for rate in RATES:
        for figure in FIGURES[:4]:
            one = interpolated(curve(entries, other), figure.title, rate)
            jpeg = interpolated(curve(entries, TRADITIONAL), figure.title, rate)
            if one is None or jpeg is None:
                continue
            means = [f"{100 * float(shares.mean()):.0f}" for shares in (one, jpeg)]
            gain = difference(paired_difference(one, jpeg))
            rows.append([f"{rate:g}", figure.title, *means, gain])
    return unless_empty(["bits per pixel", "figure", other, TRADITIONAL, "difference"], rows)


def repeated(entries: Sequence[Entry]) -> str:
    """Five rounds less one round of the same setting, paired."""
    by_name = {entry.name: entry for entry in entries}
    rows = []
    for entry in entries:
        five = by_name.get(f"{REPEATED}/{entry.name.replace('/', '-')}{ROUNDS}")
        if five is None:
            continue
        gains = [
            difference(paired_difference(five.shares[f.title], entry.shares[f.title]))
            for f in FIGURES
        ]
        rows.append([entry.name, *gains])
    return unless_empty(["five rounds less one", *(figure.title for figure in FIGURES)], rows)


def tables(runs: Mapping[str, Run]) -> str:
    """Everything, one classifier after the other."""
    if not runs:
        return f"no completed run under {PROTOCOL} yet\n"
    first = next(iter(runs.values()))
    parts = []
    for record in first.header.classifiers:
        entries = [entry_of(run, record.name) for run in runs.values()]
        parts += [
            f"## {record.name}, {first.header.images} photographs\n",
            by_entry(runs, record.name),
            *(at_equal_rates(entries, codec) for codec in SINGLE if codec != TRADITIONAL),
            repeated(entries),
        ]
    return "\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.stdout.write(tables(completed(Store(sys.argv[1]))))
