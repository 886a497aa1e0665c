"""Commands that give stored runs away: files and the site."""

from pathlib import Path
from typing import Annotated

import typer

from leaderboard import export as export_module
from leaderboard.cli.options import DEFAULT_DB, Db, say
from leaderboard.render.render import render as render_site
from leaderboard.store import Store


def export(
    run: Annotated[int, typer.Argument(help="number of a stored run")],
    target: Annotated[Path, typer.Option("--out", "-o", help="a .json record or .csv of outcomes")],
    db: Db = DEFAULT_DB,
) -> None:
    """Write a run: a .json record with its provenance, or its outcomes alone as .csv."""
    export_module.write(Store(db).run(run), target)


def render(
    db: Db = DEFAULT_DB,
    folder: Annotated[Path, typer.Option("--out", help="folder to write")] = Path("build/site"),
) -> None:
    """Render the leaderboard from the database as static files."""
    site = render_site(Store(db), folder)
    say(f"site: {site.resolve() / 'index.html'}")
