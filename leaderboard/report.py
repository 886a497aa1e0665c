"""What commands say on a terminal: progress, tables of scores."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from typing import Any, Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from benchmark.flags import raised
from benchmark.protocol import AnyProtocol, CodecProtocol, Protocol
from benchmark.records import Challenge, Interval, Run
from benchmark.score import Score, score
from benchmark.threat import Access, ThreatModel
from leaderboard import evaluation
from leaderboard.codec_report import codec_tables
from leaderboard.store.store import Listed

WIDE = 110
WIDE_COLUMN = 14
NARROW = 105
"""Columns of a terminal below which the table of a classifier leaves `SPARED` out."""
SPARED = {str(Access.QUERY), "ms/image"}
NAMED = 5
"""Pictures named in a sentence."""

ACCESSES = (Access.TRANSFER, Access.QUERY, Access.WHITE_BOX, Access.EOT)
ALWAYS = {Access.TRANSFER, Access.WHITE_BOX}


@contextmanager
def progress(console: Console, title: str, unit: str = "shards") -> Iterator[evaluation.Progress]:
    """A bar with a time estimate on a terminal; a line a quarter of the way elsewhere."""
    with progress_of_several(console, unit) as begin:
        yield begin(title)


@contextmanager
def progress_of_several(
    console: Console, unit: str = "shards"
) -> Iterator[Callable[[str], evaluation.Progress]]:
    """As `progress`, for what goes on side by side: gives a bar for each title."""
    if not console.is_terminal:
        yield lambda title: _lines(console, title, unit)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:

        def begin(title: str) -> evaluation.Progress:
            task = bars.add_task(title, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield begin


def _lines(console: Console, title: str, unit: str) -> evaluation.Progress:
    said = {-1}

    def update(done: int, total: int) -> None:
        quarter = 4 * done // max(total, 1)
        if quarter not in said:
            said.add(quarter)
            console.print(f"{title}: {done} of {total} {unit}", highlight=False)

    return update


def percent(interval: Interval | None, *, bounds: bool) -> str:
    """A proportion in per cent, with its bounds if there is room for them."""
    if interval is None:
        return "–"
    if not bounds:
        return f"{100 * interval.estimate:.1f}"
    return f"{100 * interval.estimate:.1f} [{100 * interval.low:.0f}–{100 * interval.high:.0f}]"


def score_tables(console: Console, protocol: AnyProtocol, runs: Sequence[Run]) -> None:
    """The tables of the protocol's track."""
    if isinstance(protocol, CodecProtocol):
        codec_tables(console, protocol, runs)
    else:
        classifier_tables(console, protocol, runs)


def classifier_tables(console: Console, protocol: Protocol, runs: Sequence[Run]) -> None:
    """One table a classifier: accuracy in per cent with its 95 % interval, bits, time.

    A narrow terminal gets the table without intervals, a narrower one without the columns that
    matter least; an access that no run was attacked with at the headline gets no column.
    """
    threat = protocol.headline_threat
    for spec in protocol.classifiers:
        table = Table(title=f"{protocol.name}: {spec.name}, {threat}, accuracy in %")
        scores = [score(run, spec.name) for run in runs]
        used = {a for one in scores for r in [one.at(threat)] if r for a in r.by_access}
        shown = [access for access in ACCESSES if access in used | ALWAYS]
        every = ("clean", *map(str, shown), "worst case", "bpp", "ms/image")
        kept = [console.width >= NARROW or column not in SPARED for column in every]
        columns = ("entry", *compress(every, kept))
        bounds = console.width >= WIDE + WIDE_COLUMN * len(used - ALWAYS)
        for column in columns:
            justify: Literal["left", "right"] = "left" if column == "entry" else "right"
            # Where it gets narrow, names are folded, so that no figure is cut.
            table.add_column(column, justify=justify, no_wrap=column != "entry", overflow="fold")
        for run, found in zip(runs, scores, strict=True):
            cells = _cells(found, threat, shown, bounds=bounds)
            table.add_row(run.header.entry, *compress(cells, kept))
        console.print(table)
        for run in runs:
            for flag in raised(run, spec.name):
                sentence = f"{run.header.entry} raises {flag.name}: {flag.evidence}"
                console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _cells(
    found: Score, threat: ThreatModel, accesses: Sequence[Access], *, bounds: bool
) -> list[str]:
    robustness = found.at(threat)
    by_access = robustness.by_access if robustness else {}
    rate = found.bits_per_pixel
    return [
        percent(found.clean, bounds=bounds),
        *(percent(by_access.get(access), bounds=bounds) for access in accesses),
        percent(robustness.worst if robustness else None, bounds=bounds),
        f"{rate.estimate:.3f}" if rate else "–",
        f"{found.milliseconds:.2f}",
    ]


def challenged(run: Run, challenge: Challenge) -> str:
    """What became of a challenge: pictures judged, pictures refused, the old figure and the new."""
    threat = challenge.threat
    found = score(run, challenge.classifier).at(threat)
    judged = challenge.outcomes
    wrong = f"{sum(outcome.draws_correct < outcome.draws for outcome in judged)} wrong"
    if any(outcome.draws > 1 for outcome in judged):
        wrong += " in some draw"
    said = [f"{challenge.classifier}, {threat}: {len(judged)} judged, {wrong}"]
    if challenge.outside:
        sizes = [f"{image} ({size:g})" for image, size in challenge.outside.items()]
        rest = len(sizes) - NAMED
        listed = ", ".join(sizes[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
        said.append(f"{len(sizes)} outside of the ball count as the clean picture: {listed}")
    if challenge.unchanged:
        said.append(f"{len(challenge.unchanged)} unchanged")
    before = percent(found.worst if found else None, bounds=True)
    after = percent(found.challenged if found else None, bounds=True)
    said.append(f"worst case of the run {before} %, with challenges {after} %")
    return "; ".join(said)


def summary(run: Listed) -> dict[str, Any]:
    """A stored run for programs, without its outcomes."""
    return {
        "id": run.id,
        "entry": run.entry,
        "track": run.track,
        "protocol": run.protocol,
        "protocol_hash": run.protocol_hash,
        "images": run.images,
        "started": run.started,
        "status": run.status,
        "detail": run.detail,
        "official": run.unofficial_reason is None,
        "unofficial_reason": run.unofficial_reason,
    }
