"""Commands that evaluate submissions."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark import protocol as protocols
from benchmark.errors import EngineError
from benchmark.records import Run
from leaderboard import evaluation, report, submission
from leaderboard.cli.options import (
    DEFAULT_DB,
    Db,
    Device,
    Precision,
    Threads,
    Workers,
    at_least_one,
    one_of,
    out,
    say,
    workers_for,
)
from leaderboard.demo import DEMO
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request
from leaderboard.render.render import render as render_site
from leaderboard.store import Store

PRECISIONS = ("auto", "fp32", "bf16")


def demo(
    folder: Annotated[Path, typer.Option("--out", help="folder for database and site")] = Path(
        "build/demo"
    ),
    workers: Workers = None,
    precision: Precision = "auto",
) -> None:
    """Evaluate the bundled baselines on the mini protocol (CPU) and render the site."""
    one_of("--precision", precision, *PRECISIONS)
    count = workers_for(workers, "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(str(folder / "runs.db"), create=True)
    chosen = protocols.load(DEMO.protocol)
    requests = [
        Request(found, found.variant(name), chosen, device="cpu", precision=precision)
        for path, names in DEMO.entries.items()
        for found in [submission.load(path)]
        for name in names
    ]
    runs = _evaluate_all(requests, store, count, 1)
    report.score_tables(out, chosen, runs)
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
) -> None:
    """Evaluate a submission under a protocol; goes on where an earlier call was broken off."""
    at_least_one("--limit", limit)
    at_least_one("--threads", threads)
    one_of("--device", device, "auto", "cpu", "cuda")
    one_of("--precision", precision, *PRECISIONS)
    found = submission.load(path)
    chosen = protocols.load(protocol)
    official = protocols.is_official(protocol)
    variants = [found.variant(v) for v in variant] if variant else found.manifest.variants
    requests = [
        Request(
            found,
            one,
            chosen,
            beside=() if official else (Path(protocol).parent,),
            reasons=() if official else ("a protocol of one's own",),
            device=device,
            precision=precision,
            limit=limit,
            fresh=fresh,
        )
        for one in variants
    ]
    count = workers_for(workers, device)
    runs = _evaluate_all(requests, Store(db, create=True), count, threads)
    report.score_tables(out, chosen, runs)
    for run in runs:
        reason = run.header.unofficial_reason
        say(f"run {run.id} in {db}" + (f", unofficial: {reason}" if reason else ""))


def _evaluate_all(requests: list[Request], store: Store, workers: int, threads: int) -> list[Run]:
    """Runs of every request, by one engine whose workers stay warm."""
    finished = []
    try:
        with LocalEngine(workers, threads) as engine:
            for request in requests:
                title = f"{request.submission.manifest.name}/{request.variant.id}"
                with report.progress(out, title) as update:
                    finished.append(evaluation.evaluate(request, store, engine, update))
    except KeyboardInterrupt:
        raise EngineError("interrupted; the same command goes on from there") from None
    return finished
