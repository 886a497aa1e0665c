"""Commands that evaluate submissions."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark import protocol as protocols
from benchmark.errors import BoxError, EngineError
from benchmark.records import Run
from leaderboard import evaluation, report, submission
from leaderboard.cli.abreast import evaluate_abreast
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
from leaderboard.sandbox import machine
from leaderboard.store import Store

PRECISIONS = ("auto", "fp32", "bf16")


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
) -> None:
    """Evaluate a submission under a protocol; goes on where an earlier call was broken off."""
    at_least_one("--limit", limit)
    at_least_one("--threads", threads)
    one_of("--device", device, "auto", "cpu", "cuda")
    one_of("--precision", precision, *PRECISIONS)
    if not unsandboxed:
        machine.check()
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
            sandboxed=not unsandboxed,
        )
        for one in variants
    ]
    count = workers_for(workers, device)
    runs = _evaluate_all(requests, Store(db, create=True), count, threads)
    report.score_tables(out, chosen, runs)
    for run in runs:
        reason = run.header.unofficial_reason
        say(f"run {run.id} in {db}" + (f", unofficial: {reason}" if reason else ""))


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
