"""Commands on the published records: `squeezebench results …`."""

from pathlib import Path
from typing import Annotated

import typer

from leaderboard import again, report
from leaderboard.cli.options import Device, out, say, workers_for
from leaderboard.engine.local import LocalEngine
from leaderboard.record import ledger, publishing
from leaderboard.record.git import committed_ledger, push_results
from leaderboard.submission import SUBMISSIONS

app = typer.Typer(help="The published records: add, verify, rebuild, push.", no_args_is_help=True)

Results = Annotated[Path, typer.Option("--results", help="folder of the published records")]


@app.command()
def add(
    record: Annotated[Path, typer.Argument(metavar="FILE", help="a .json record, its .npz beside")],
    sha256: Annotated[str, typer.Option(help="what the evaluation said the record has")],
    submission_hash: Annotated[
        str | None, typer.Option(help="hash of the folder that was evaluated")
    ] = None,
    supersedes: Annotated[
        str | None, typer.Option(help="sha256 of the published record that this one corrects")
    ] = None,
    reason: Annotated[str, typer.Option(help="why, in a sentence")] = "",
    unofficial: Annotated[
        bool, typer.Option("--unofficial", help="take what no board ranks, too")
    ] = False,
    results: Results = ledger.RESULTS,
) -> None:
    """Check a record and add it to the published ones; nothing is ever changed or removed."""
    expected = publishing.Expected(sha256, submission_hash, unofficial, supersedes, reason)
    entry = publishing.publish(record, expected, results)
    say(f"{results / entry.file} is record {entry.number}, sha256 {entry.record}")


@app.command()
def verify(
    since: Annotated[
        str | None, typer.Option(help="git commit whose ledger this one must begin with")
    ] = None,
    results: Results = ledger.RESULTS,
) -> None:
    """Check that every published record is as it was when it was added."""
    if since is not None:
        ledger.grown_from(committed_ledger(results, since), results)
    say(f"{len(ledger.verified(results))} records, each as it was added")


@app.command()
def rebuild(
    db: Annotated[Path, typer.Option("--db", help="SQLite file to make anew")] = Path(
        "build/published.db"
    ),
    results: Results = ledger.RESULTS,
) -> None:
    """Make the database from the published records alone; says the sha256 of its dump."""
    db.parent.mkdir(parents=True, exist_ok=True)
    say(f"{db}: dump sha256 {publishing.rebuild(results, db)}")


@app.command()
def rerun(
    protocol: Annotated[str, typer.Option(help="only runs under this one")],
    seed: Annotated[int, typer.Option(help="decides which run is made again")] = 0,
    device: Device = "auto",
    unsandboxed: Annotated[
        bool, typer.Option("--unsandboxed", help="for code of your own")
    ] = False,
    results: Results = ledger.RESULTS,
    submissions: Annotated[
        Path, typer.Option(help="folder of the submissions that there are")
    ] = SUBMISSIONS,
) -> None:
    """Make a published run again and compare it with its record; exit code 1 if they disagree."""
    chosen = again.pick(results, protocol, submissions, seed)
    if chosen is None:
        say(f"no published run under {protocol} is of a submission that is here; nothing to do")
        return
    title = f"record {chosen.entry.number}"
    with (
        LocalEngine(workers_for(None, device), 1) as engine,
        report.progress(out, title) as update,
    ):
        found = again.make(chosen, engine, update, device=device, sandboxed=not unsandboxed)
    say(found.sentence)
    raise typer.Exit(0 if found.agrees else 1)


@app.command()
def push(
    message: Annotated[str, typer.Option(help="of the commit")],
    remote: Annotated[str, typer.Option(help="where to push")] = "origin",
    branch: Annotated[str, typer.Option(help="what to push to")] = "main",
    results: Results = ledger.RESULTS,
) -> None:
    """Commit the published records, and nothing else, and push them."""
    say(push_results(results, message, remote, branch))
