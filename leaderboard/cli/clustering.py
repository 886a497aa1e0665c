"""Commands that run one evaluation in parts: planned here, run anywhere, merged here."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.errors import CallError, EngineError
from leaderboard import report
from leaderboard.cli.asking import requests_of
from leaderboard.cli.forecasting import show, show_taken
from leaderboard.cli.options import (
    DEFAULT_DB,
    Db,
    Device,
    Precision,
    Threads,
    at_least_one,
    out,
    say,
)
from leaderboard.cluster import merging, planned, slurm
from leaderboard.cluster.parts import run_part
from leaderboard.engine.devices import workers_on
from leaderboard.engine.local import LocalEngine
from leaderboard.forecast import forecast
from leaderboard.sandbox import machine
from leaderboard.store import Store

PlanFile = Annotated[Path, typer.Option("--plan", help="what `squeezebench plan` wrote")]


def plan(
    path: Annotated[Path, typer.Argument(help="a submission's folder")],
    protocol: Annotated[str, typer.Option(help="a protocol's name, or a TOML file")],
    target: Annotated[Path, typer.Option("-o", "--output", help="the file to write")],
    variant: Annotated[str | None, typer.Option(help="which; needed if there are several")] = None,
    parts: Annotated[int, typer.Option(help="how many jobs the run is for")] = 8,
    device: Device = "auto",
    precision: Precision = "auto",
    limit: Annotated[
        int | None, typer.Option(help="first N images; makes the run unofficial")
    ] = None,
    threads: Threads = 1,
    db: Annotated[
        str | None, typer.Option(metavar="URL", help="earlier runs, for a better estimate")
    ] = None,
    unsandboxed: Annotated[
        bool,
        typer.Option("--unsandboxed", help="run code of your own with your rights; unofficial"),
    ] = False,
    as_slurm: Annotated[
        bool, typer.Option("--slurm", help="print a job array for sbatch instead of a table")
    ] = False,
) -> None:
    """Divide an evaluation into shards of known cost, for `run-shard` on as many machines."""
    at_least_one("--parts", parts)
    requests = requests_of(
        path,
        protocol,
        [variant] if variant else None,
        device=device,
        precision=precision,
        limit=limit,
        threads=threads,
        sandboxed=not unsandboxed,
    )
    if len(requests) > 1:
        names = ", ".join(request.variant.id for request in requests)
        raise CallError(f"--variant is missing; a plan is of one variant: {names}")
    store = None if db is None else Store(db)
    with LocalEngine(1, threads) as engine:
        found = forecast(requests[0], store, engine)
    made = planned.planned(requests[0], found)
    planned.write(made, target)
    if as_slurm:
        say(slurm.array(made, target, parts).rstrip())
        return
    show(found, parts * workers_on(found.header.environment["device"]), gpus=parts)
    say(f"{target} holds {len(made.shards)} shards; run each part I of {parts} with")
    say(f"  squeezebench run-shard --plan {target} --shard I/{parts} -o FOLDER")


def run_shard(
    plan_file: PlanFile,
    shard: Annotated[str, typer.Option(metavar="I/N", help="part I of N, from 1")],
    target: Annotated[Path, typer.Option("-o", "--output", help="folder for the results")],
    workers: Annotated[
        int | None, typer.Option(help="worker processes; default: one, two on a GPU")
    ] = None,
) -> None:
    """Run one part of a plan into a folder; goes on where an earlier call was broken off."""
    at_least_one("--workers", workers)
    made = planned.read(plan_file)
    number, count = _part(shard)
    environment = made.header.environment
    at_once = workers or workers_on(environment["device"])
    if made.sandboxed:
        machine.check()
    try:
        with (
            LocalEngine(at_once, environment["threads"]) as engine,
            report.progress(out, f"{made.header.entry} {shard}") as update,
        ):
            run_part(made, number, count, target, engine, update)
    except KeyboardInterrupt:
        raise EngineError("interrupted; the same command goes on from there") from None
    say(f"part {shard} is in {target}")


def merge(
    folders: Annotated[list[Path], typer.Argument(help="folders that `run-shard` wrote into")],
    plan_file: PlanFile,
    db: Db = DEFAULT_DB,
) -> None:
    """Store a run whose parts are complete; refuses gaps, and whatever is of another run."""
    made = planned.read(plan_file)
    store = Store(db, create=True)
    with report.progress(out, made.header.entry) as update:
        run = merging.merge(made, folders, store, update)
    show_taken(run)
    reason = run.header.unofficial_reason
    say(f"run {run.id} in {db}" + (f", unofficial: {reason}" if reason else ""))


def _part(given: str) -> tuple[int, int]:
    number, slash, count = given.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise CallError(f"--shard {given}: expected I/N, as 1/8")
    return int(number), int(count)
