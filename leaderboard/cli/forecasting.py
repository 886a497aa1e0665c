"""What the command line says of the cost of runs, before and after."""

from typing import Any

from rich.table import Table

from benchmark.cost import Cost
from benchmark.records import Run
from leaderboard.cli.options import out, say
from leaderboard.engine.devices import at_once
from leaderboard.forecast import Forecast, taken

CODEC_TRACK = "(codec)"


def show(found: Forecast, workers: int, gpus: int) -> None:
    """A table with one row a classifier, and what it rests on; the workers share `gpus`."""
    title = f"{found.header.entry} under {found.header.protocol}, on {_device(found)}"
    table = Table(title=title)
    times = ("expected", "full budget") if found.earlier else ("full budget",)
    for column in ("before", "shards", "gradient steps", "queries", *times):
        table.add_column(column, justify="left" if column == "before" else "right", no_wrap=True)
    for name in _classifiers(found):
        shards = sum(shard.classifier == name for shard in found.shards)
        expected, most = found.of(name, found.expected), found.of(name, found.at_most)
        table.add_row(
            name or CODEC_TRACK,
            str(shards),
            _count(expected.gradient_steps, most.gradient_steps),
            _count(expected.queries, most.queries),
            *([duration(expected.seconds)] if found.earlier else []),
            duration(most.seconds),
        )
    out.print(table)
    measured = found.measured
    wall = duration(_wall_seconds(found, workers, gpus))
    say(
        f"on {workers} worker{'s' * (workers > 1)}: about {wall}, if this machine stays as busy as "
        "during the probe; with other work on it a run takes longer, start of the boxes not counted"
    )
    on_device = f", {size(measured.device_bytes)} on the device" if measured.device_bytes else ""
    say(
        f"memory a worker: {size(measured.memory_bytes)} with its boxes{on_device}, at "
        f"{measured.pictures} picture{'s' * (measured.pictures > 1)} (a shard has up to "
        f"{measured.batch})"
    )
    if found.earlier:
        say(f"expected: what {found.earlier} stored runs spent of the same budgets")
    else:
        say(
            "full budget: every attack spends all that it may. Most leave a picture alone once it "
            "is broken; how many do is known once a run of this protocol is stored"
        )


def as_json(found: Forecast, workers: int, gpus: int) -> dict[str, Any]:
    """The same for programs."""
    return {
        "entry": found.header.entry,
        "protocol": found.header.protocol,
        "device": found.header.environment["device"],
        "shards": len(found.shards),
        "workers": workers,
        "wall_seconds": _wall_seconds(found, workers, gpus),
        "expected": _sum_json(sum(found.expected, Cost())),
        "at_most": _sum_json(sum(found.at_most, Cost())),
        "earlier_runs": found.earlier,
        "memory_bytes": found.measured.memory_bytes,
        "device_bytes": found.measured.device_bytes,
    }


def show_taken(run: Run) -> None:
    """What the run took, in a line."""
    took = taken(run)
    on_device = f", {size(took.device_bytes)} on the device" if took.device_bytes else ""
    say(
        f"run {run.id} took {duration(took.seconds)} of its workers, {took.gradient_steps:,} "
        f"gradient steps, {size(took.memory_bytes)} a worker{on_device}"
    )


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: int) -> str:
    """Bytes in GiB or MiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _classifiers(found: Forecast) -> list[str]:
    return list(dict.fromkeys(shard.classifier for shard in found.shards))


def _count(expected: float, most: float) -> str:
    if round(expected) == round(most):
        return f"{most:,.0f}"
    return f"{expected:,.0f} of {most:,.0f}"


def _wall_seconds(found: Forecast, workers: int, gpus: int) -> float:
    return found.wall_seconds(at_once(found.header.environment["device"], workers, gpus))


def _device(found: Forecast) -> str:
    threads = found.header.environment["threads"]
    return f"{found.header.environment['device']}, {threads} thread{'s' * (threads > 1)} a worker"


def _sum_json(cost: Cost) -> dict[str, Any]:
    return {
        "seconds": cost.seconds,
        "gradient_steps": cost.gradient_steps,
        "queries": cost.queries,
        "crafting_seconds": dict(cost.by_access),
    }
