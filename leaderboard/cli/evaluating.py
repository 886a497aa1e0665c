"""Commands that evaluate submissions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from benchmark import protocol as protocols
from benchmark.errors import BoxError, CallError, EngineError
from benchmark.records import Run
from leaderboard import evaluation, report, submission
from leaderboard.cli.abreast import evaluate_abreast
from leaderboard.cli.asking import PRECISIONS, requests_of
from leaderboard.cli.engines import EngineName, RayAddress, engine_for
from leaderboard.cli.forecasting import as_json as forecast_json
from leaderboard.cli.forecasting import show, show_taken
from leaderboard.cli.options import (
    DEFAULT_DB,
    AsJson,
    Db,
    Device,
    Precision,
    Threads,
    Workers,
    one_of,
    out,
    print_json,
    say,
    workers_for,
)
from leaderboard.demo import DEMO
from leaderboard.engine import Engine
from leaderboard.engine.devices import devices
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request
from leaderboard.forecast import forecast
from leaderboard.render.render import render as render_site
from leaderboard.sandbox import machine
from leaderboard.store import Store


def demo(
    folder: Annotated[Path, typer.Option("--out", help="folder for database and site")] = Path(
        "build/demo"
    ),
    workers: Workers = None,
    precision: Precision = "auto",
) -> None:
    """Evaluate the bundled baselines on the mini protocols (CPU) and render the site."""
    one_of("--precision", precision, *PRECISIONS)
    sandboxed = _sandbox_for_the_demo()
    count = workers_for(workers, "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(str(folder / "runs.db"), create=True)
    asked = [
        [
            Request(
                found,
                found.variant(name),
                chosen,
                device="cpu",
                precision=precision,
                sandboxed=sandboxed,
            )
            for folder_name, names in one.entries.items()
            for found in [submission.load(submission.SUBMISSIONS / folder_name)]
            for name in names
        ]
        for one in DEMO
        for chosen in [protocols.load(one.protocol)]
    ]
    runs = evaluate_abreast([one for requests in asked for one in requests], store, count)
    for requests in asked:
        report.score_tables(out, requests[0].protocol, [runs.pop(0) for _ in requests])
    site = render_site(store, folder / "site")
    say(f"site: {site.resolve() / 'index.html'}")


def evaluate(
    path: Annotated[Path, typer.Argument(help="a submission's folder")],
    protocol: Annotated[str, typer.Option(help="a protocol's name, or a TOML file")],
    variant: Annotated[
        list[str] | None, typer.Option(help="only this one; may be repeated")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    limit: Annotated[
        int | None, typer.Option(help="first N images; makes the run unofficial")
    ] = None,
    db: Db = DEFAULT_DB,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin anew what is stored")] = False,
    workers: Workers = None,
    threads: Threads = 1,
    unsandboxed: Annotated[
        bool,
        typer.Option("--unsandboxed", help="run code of your own with your rights; unofficial"),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what it would cost, by a short probe")
    ] = False,
    as_json: AsJson = False,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
) -> None:
    """Evaluate a submission under a protocol; goes on where an earlier call was broken off."""
    requests = requests_of(
        path,
        protocol,
        variant,
        device=device,
        precision=precision,
        limit=limit,
        threads=threads,
        fresh=fresh,
        sandboxed=not unsandboxed,
    )
    count = workers_for(workers, device)
    if dry_run:
        _forecast_all(requests, db, count, threads, as_json=as_json)
        return
    if as_json:
        raise CallError("--json belongs to --dry-run; `squeezebench runs --json` lists runs")
    store = Store(db, create=True)
    with _interruptible(), engine_for(engine, count, threads, ray_address, device) as running:
        runs = _evaluate_all(requests, store, running)
    report.score_tables(out, requests[0].protocol, runs)
    for run in runs:
        reason = run.header.unofficial_reason
        show_taken(run)
        say(f"run {run.id} in {db}" + (f", unofficial: {reason}" if reason else ", official"))
    place = "" if db == DEFAULT_DB else f" --db {db}"
    say(f"as pages: squeezebench render{place} --serve")


def _forecast_all(
    requests: list[Request], db: str, workers: int, threads: int, *, as_json: bool
) -> None:
    """Say of every request what it would cost; nothing is stored."""
    stored = "://" in db or Path(db).exists()
    store = Store(db) if stored else None
    found = []
    with LocalEngine(1, threads) as engine:
        for request in requests:
            found.append(forecast(request, store, engine))
            if not as_json:
                show(found[-1], workers, len(devices()))
    if as_json:
        print_json([forecast_json(one, workers, len(devices())) for one in found])


def _sandbox_for_the_demo() -> bool:
    """Whether there is one; the demo goes on without, for its submissions are the project's own."""
    try:
        machine.check()
    except BoxError as problem:
        say(
            f"{problem}\nThe demo goes on without: its submissions come with this project. "
            "Its runs are marked unofficial."
        )
        return False
    return True


def _evaluate_all(requests: list[Request], store: Store, engine: Engine) -> list[Run]:
    """Runs of every request, by one engine whose workers stay warm."""
    finished = []
    for request in requests:
        title = f"{request.submission.manifest.name}/{request.variant.id}"
        with report.progress(out, title) as update:
            finished.append(evaluation.evaluate(request, store, engine, update))
    return finished


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C, once or twice, ends in one sentence."""
    try:
        yield
    except KeyboardInterrupt:
        raise EngineError("interrupted; the same command goes on from there") from None
