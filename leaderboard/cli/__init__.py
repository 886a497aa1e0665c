"""squeezebench: the command line. Holds no torch; whatever needs it asks a worker process."""

import sys
from typing import Any

import typer

from benchmark.errors import SqueezebenchError
from leaderboard.cli import (
    checking,
    clustering,
    database,
    evaluating,
    listing,
    measuring,
    publishing,
    pulling,
    rehearsing,
    results,
)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Measure what image compression is worth as a defense.",
)
app.command()(evaluating.demo)
app.command()(listing.protocols)
app.command()(listing.datasets)
app.command()(listing.doctor)
app.command()(checking.new)
app.command()(checking.check)
app.command()(evaluating.evaluate)
app.command()(clustering.plan)
app.command("run-shard")(clustering.run_shard)
app.command()(clustering.merge)
app.command()(listing.runs)
app.command()(publishing.export)
app.command("import")(publishing.import_record)
app.command()(measuring.challenge)
app.command()(publishing.render)
app.command()(measuring.bench)
app.add_typer(pulling.app, name="pull")
app.add_typer(results.app, name="results")
app.command()(rehearsing.rehearse)
app.add_typer(database.app, name="db")

# Typer does not export this class, the base of all that it says of a wrong call.
USAGE_ERROR: Any = typer.BadParameter.__base__


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
