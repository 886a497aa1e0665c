"""What commands say on a terminal: progress, tables of scores."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

from benchmark.protocol import Protocol
from benchmark.records import Interval, Run
from benchmark.score import Score, score
from benchmark.threat import Access
from leaderboard import evaluation

WIDE = 110


@contextmanager
def progress(console: Console, title: str) -> Iterator[evaluation.Progress]:
    """A bar with a time estimate on a terminal; a line a quarter of the way elsewhere."""
    if not console.is_terminal:
        yield _lines(console, title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(console: Console, title: str) -> evaluation.Progress:
    said = {-1}

    def update(done: int, total: int) -> None:
        quarter = 4 * done // max(total, 1)
        if quarter not in said:
            said.add(quarter)
            console.print(f"{title}: {done} of {total} shards", highlight=False)

    return update


def percent(interval: Interval | None, *, bounds: bool) -> str:
    """A proportion in per cent, with its bounds if there is room for them."""
    if interval is None:
        return "–"
    if not bounds:
        return f"{100 * interval.estimate:.1f}"
    return f"{100 * interval.estimate:.1f} [{100 * interval.low:.0f}–{100 * interval.high:.0f}]"


def score_tables(console: Console, protocol: Protocol, runs: Sequence[Run]) -> None:
    """One table a classifier: accuracy in per cent with its 95 % interval, bits, time.

    A narrow terminal gets the table without intervals.
    """
    bounds = console.width >= WIDE
    threat = protocol.headline_threat
    for spec in protocol.classifiers:
        table = Table(title=f"{protocol.name}: {spec.name}, {threat}, accuracy in %")
        for column in ("entry", "clean", "transfer", "white-box", "worst case", "bpp", "ms/image"):
            justify: Literal["left", "right"] = "left" if column == "entry" else "right"
            table.add_column(column, justify=justify, no_wrap=True)
        for run in runs:
            cells = _cells(score(run, spec.name), protocol, bounds=bounds)
            table.add_row(run.header.entry, *cells)
        console.print(table)


def _cells(found: Score, protocol: Protocol, *, bounds: bool) -> list[str]:
    robustness = found.at(protocol.headline_threat)
    by_access = robustness.by_access if robustness else {}
    rate = found.bits_per_pixel
    return [
        percent(found.clean, bounds=bounds),
        percent(by_access.get(Access.TRANSFER), bounds=bounds),
        percent(by_access.get(Access.WHITE_BOX), bounds=bounds),
        percent(robustness.worst if robustness else None, bounds=bounds),
        f"{rate.estimate:.3f}" if rate else "–",
        f"{found.milliseconds:.2f}",
    ]


def summary(run: Run) -> dict[str, Any]:
    """A stored run for programs, without its outcomes."""
    header = run.header
    return {
        "id": run.id,
        "entry": header.entry,
        "protocol": header.protocol,
        "protocol_hash": header.protocol_hash,
        "images": header.images,
        "started": run.started,
        "status": run.status,
        "detail": run.detail,
        "official": header.official,
        "unofficial_reason": header.unofficial_reason,
    }
