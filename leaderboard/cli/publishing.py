"""Commands that give stored runs away and take them in: files and the site."""

from pathlib import Path
from typing import Annotated

import typer

from leaderboard import export as export_module
from leaderboard.cli.options import DEFAULT_DB, Db, say
from leaderboard.record import moving
from leaderboard.render.render import Options
from leaderboard.render.render import render as render_site
from leaderboard.render.serve import serve
from leaderboard.store import Store


def export(
    run: Annotated[int, typer.Argument(help="number of a stored run")],
    target: Annotated[Path, typer.Option("--out", "-o", help="a .json record or .csv of outcomes")],
    db: Db = DEFAULT_DB,
    output: Annotated[
        Path | None, typer.Option(help="file for name=value lines, as a job's outputs")
    ] = None,
) -> None:
    """Write a run: a .json record with an .npz of its outcomes beside it, or these alone as .csv.

    Prints the sha256 that names the record.
    """
    if (sha256 := export_module.write(Store(db), run, target)) is not None:
        say(sha256)
        if output is not None:
            with output.open("a", encoding="utf-8") as lines:
                lines.write(f"sha256={sha256}\n")


def import_record(
    record: Annotated[Path, typer.Argument(metavar="FILE", help="a .json record, its .npz beside")],
    db: Db = DEFAULT_DB,
) -> None:
    """Check a record and add its run to the database; what is there already is not added twice."""
    merged = moving.merge(Store(db, create=True), moving.read(record), record)
    added = f"{merged.added} rows added" if merged.added else "all of it was there already"
    say(f"run {merged.run_id} in {db}: {added}")


def render(
    db: Db = DEFAULT_DB,
    folder: Annotated[Path, typer.Option("--out", help="folder to write")] = Path("build/site"),
    url: Annotated[
        str, typer.Option(help="https address where the site will stand, for feed and 404")
    ] = "",
    database: Annotated[
        bool, typer.Option(help="put a copy of the database beside the data")
    ] = True,
    preview: Annotated[
        bool, typer.Option("--serve", help="show the site on this machine until Ctrl-C")
    ] = False,
    port: Annotated[int, typer.Option(help="of --serve; 0 takes a free one")] = 8000,
) -> None:
    """Render the leaderboard from the database as static files."""
    site = render_site(Store(db), folder, Options(url=url, database=database))
    say(f"site: {site.resolve() / 'index.html'}")
    if preview:
        with serve(site, port) as server:
            say(f"preview: http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                say("preview ended")
