"""The command that plays a pull request."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from benchmark.errors import CallError
from leaderboard.cli.options import say
from leaderboard.rehearsal import rehearse as rehearsal

MARKER = ".squeezebench-rehearsal"


def rehearse(
    folder: Annotated[Path, typer.Option("--out", help="folder to play in")] = Path(
        "build/rehearsal"
    ),
    unsandboxed: Annotated[
        bool, typer.Option("--unsandboxed", help="run the example submission with your rights")
    ] = False,
) -> None:
    """Play a pull request on this machine: good and bad ones, check, evaluation, record, site.

    The commands are those of the workflows; a local server stands in for GitHub.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise CallError(f"{folder} is not empty and no rehearsal's; choose another --out")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).write_text("squeezebench rehearse may replace this folder\n")
    page = rehearsal.rehearse(folder.resolve(), say, sandboxed=not unsandboxed)
    say(f"the rehearsal is over; the entry's page: {page}")
