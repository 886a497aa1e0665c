"""Commands on a whole database: back it up, verify it, bring it up to date, move it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from benchmark.errors import StoreError
from leaderboard.cli.options import DEFAULT_DB, AsJson, Db, print_json, say
from leaderboard.store.copying import Digest, back_up, copy, damage, digests
from leaderboard.store.database import Database

app = typer.Typer(help="The database of runs as a whole.", rich_markup_mode=None)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="the SQLite file to make")],
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Copy all runs, of one moment, into a file that is a database itself."""
    _told(back_up(Database(db), file), f"{file} holds all of", as_json=as_json)


@app.command()
def verify(
    db: Db = DEFAULT_DB,
    against: Annotated[
        str | None, typer.Option(metavar="URL", help="another database, which must hold the same")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for damage, and for differences from a backup."""
    database = Database(db)
    problems = damage(database)
    found = digests(database)
    if against is not None:
        second = Database(against)
        other = digests(second)
        problems += [
            f"table {name}: {one.rows} rows here, {other[name].rows} in {second.name}, or others"
            for name, one in found.items()
            if one != other[name]
        ]
    if problems:
        raise StoreError(f"{database.name} is not whole: {'; '.join(problems)}")
    _told(found, f"{database.name} is whole:", as_json=as_json)


@app.command()
def migrate(
    db: Db = DEFAULT_DB,
    to: Annotated[
        str | None, typer.Option(metavar="URL", help="an empty database that gets all runs")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the schema up to date; with --to, move to another database (the old one stays)."""
    database = Database(db)
    if to is None:
        say(f"{database.name} has the schema's revision {database.revision()}")
        return
    target = Database(to, create=True)
    _told(copy(database, target), f"{target.name} holds all of", as_json=as_json)


def _told(found: Mapping[str, Digest], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({name: digest._asdict() for name, digest in found.items()})
    else:
        say(f"{sentence} {', '.join(f'{digest.rows} {name}' for name, digest in found.items())}")
