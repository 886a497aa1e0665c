"""squeezebench: the command line. Holds no torch; whatever needs it asks a worker process."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmark import protocol as protocols_module
from benchmark.errors import CallError, EngineError, SqueezebenchError
from benchmark.records import Run
from leaderboard import doctor as doctor_module
from leaderboard import export as export_module
from leaderboard import report, submission
from leaderboard.demo import DEMO
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request, evaluate
from leaderboard.render.render import render as render_site
from leaderboard.store import Store

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Measure what image compression is worth as a defense.",
)
# Wide enough for a table where there is no terminal to ask.
out = Console(width=None if sys.stdout.isatty() else 120)
MAX_WORKERS = 8
# Typer does not export this class, the base of all that it says of a wrong call.
USAGE_ERROR: Any = typer.BadParameter.__base__

Db = Annotated[str, typer.Option("--db", metavar="URL", help="database: a path or sqlite:///PATH")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for programs")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
Workers = Annotated[
    int | None, typer.Option(help="worker processes; default: one a core (at most 8), one on CUDA")
]
Threads = Annotated[int, typer.Option(help="CPU threads a worker; part of what a run is")]
DEFAULT_DB = "squeezebench.db"


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--out", help="folder for database and site")] = Path(
        "build/demo"
    ),
    workers: Workers = None,
) -> None:
    """Evaluate the bundled baselines on the mini protocol (CPU) and render the site."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(str(folder / "runs.db"), create=True)
    chosen = protocols_module.load(DEMO.protocol)
    requests = [
        Request(found, found.variant(name), chosen, device="cpu")
        for path, names in DEMO.entries.items()
        for found in [submission.load(path)]
        for name in names
    ]
    runs = _evaluate_all(requests, store, _workers(workers, "cpu"), 1)
    report.score_tables(out, chosen, runs)
    site = render_site(store, folder / "site")
    out.print(f"site: {site.resolve() / 'index.html'}", soft_wrap=True, highlight=False)


@app.command()
def protocols(
    name: Annotated[str | None, typer.Argument(help="show this one in full")] = None,
    as_json: AsJson = False,
) -> None:
    """List the protocols, or show one with every cell."""
    if name is not None:
        _print_json(protocols_module.describe(protocols_module.load(name)))
        return
    loaded = [protocols_module.load(known) for known in protocols_module.built_in()]
    if as_json:
        _print_json([protocols_module.describe(one) for one in loaded])
        return
    for one in loaded:
        cells = len(list(protocols_module.planned_cells(one)))
        out.print(
            f"{one.name:20} {one.hash[:12]} {cells:4} cells  {one.title}",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """Say which datasets are present here, with their fingerprints."""
    with LocalEngine(1, 1, offline=True) as engine:
        found = doctor_module.datasets(engine)
    if as_json:
        _print_json(found)
        return
    for row in found:
        state = row["problem"] or f"{row['pictures']} pictures, fingerprint {row['fingerprint']}"
        out.print(f"{row['name']:12} {state}", highlight=False, soft_wrap=True)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine lacks, and the remedy."""
    with LocalEngine(1, 1, offline=True) as engine:
        found = doctor_module.examine(engine)
    if as_json:
        _print_json(found)
        return
    for row in found:
        mark = "ok     " if row["ok"] else "lacking"
        out.print(f"{mark} {row['part']:12} {row['says']}", highlight=False, soft_wrap=True)


@app.command("evaluate")
def evaluate_command(
    path: Annotated[Path, typer.Argument(help="a submission's folder")],
    protocol: Annotated[str, typer.Option(help="a protocol's name, or a TOML file")],
    variant: Annotated[
        list[str] | None, typer.Option(help="only this one; may be repeated")
    ] = None,
    device: Device = "auto",
    limit: Annotated[
        int | None, typer.Option(help="first N images; makes the run unofficial")
    ] = None,
    db: Db = DEFAULT_DB,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin anew what is stored")] = False,
    workers: Workers = None,
    threads: Threads = 1,
) -> None:
    """Evaluate a submission under a protocol; goes on where an earlier call was broken off."""
    _at_least_one("--limit", limit)
    _at_least_one("--threads", threads)
    if device not in ("auto", "cpu", "cuda"):
        raise CallError(f"--device {device}: expected auto, cpu or cuda")
    found = submission.load(path)
    chosen = protocols_module.load(protocol)
    official = protocols_module.is_official(protocol)
    variants = [found.variant(v) for v in variant] if variant else found.manifest.variants
    requests = [
        Request(
            found,
            one,
            chosen,
            beside=() if official else (Path(protocol).parent,),
            reasons=() if official else ("a protocol of one's own",),
            device=device,
            limit=limit,
            fresh=fresh,
        )
        for one in variants
    ]
    count = _workers(workers, device)
    runs = _evaluate_all(requests, Store(db, create=True), count, threads)
    report.score_tables(out, chosen, runs)
    for run in runs:
        reason = run.header.unofficial_reason
        unofficial = f", unofficial: {reason}" if reason else ""
        out.print(f"run {run.id} in {db}{unofficial}", highlight=False, soft_wrap=True)


@app.command()
def runs(db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """List the stored runs."""
    stored = Store(db).runs()
    if as_json:
        _print_json([report.summary(run) for run in stored])
        return
    for run in stored:
        standing = "official" if run.header.official else "unofficial"
        state = f"{run.status}: {run.detail}" if run.detail else run.status
        out.print(
            f"{run.id:5}  {run.header.entry:28} {run.header.protocol:24} {run.header.images:5} "
            f"images  {run.started}  {standing}  {state}",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def export(
    run: Annotated[int, typer.Argument(help="number of a stored run")],
    target: Annotated[Path, typer.Option("--out", "-o", help="a .json record or .csv of outcomes")],
    db: Db = DEFAULT_DB,
) -> None:
    """Write a run: a .json record with its provenance, or its outcomes alone as .csv."""
    export_module.write(Store(db).run(run), target)


@app.command()
def render(
    db: Db = DEFAULT_DB,
    folder: Annotated[Path, typer.Option("--out", help="folder to write")] = Path("build/site"),
) -> None:
    """Render the leaderboard from the database as static files."""
    site = render_site(Store(db), folder)
    out.print(f"site: {site.resolve() / 'index.html'}", soft_wrap=True, highlight=False)


def _evaluate_all(requests: list[Request], store: Store, workers: int, threads: int) -> list[Run]:
    """Runs of every request, by one engine whose workers stay warm."""
    finished = []
    try:
        with LocalEngine(workers, threads) as engine:
            for request in requests:
                title = f"{request.submission.manifest.name}/{request.variant.id}"
                with report.progress(out, title) as update:
                    finished.append(evaluate(request, store, engine, update))
    except KeyboardInterrupt:
        raise EngineError("interrupted; the same command goes on from there") from None
    return finished


def _workers(asked: int | None, device: str) -> int:
    _at_least_one("--workers", asked)
    if asked is not None:
        return asked
    on_gpu = device == "cuda" or (device == "auto" and Path("/dev/nvidiactl").exists())
    return 1 if on_gpu else min(len(os.sched_getaffinity(0)), MAX_WORKERS)


def _at_least_one(option: str, given: int | None) -> None:
    if given is not None and given < 1:
        raise CallError(f"{option} {given}: expected at least 1")


def _print_json(content: Any) -> None:
    sys.stdout.write(json.dumps(content, indent=1) + "\n")


def main() -> None:
    """Run the command line; every deliberate error is one sentence and an exit code."""
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
    except USAGE_ERROR as problem:
        code = _complain(problem.format_message(), 2)
    except SqueezebenchError as problem:
        code = _complain(str(problem), problem.exit_code)
    except OSError as problem:
        code = _complain(f"{problem.strerror}: {problem.filename or 'no file named'}", 1)
    sys.exit(code)


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write(f"squeezebench: {sentence}\n")
    return code
