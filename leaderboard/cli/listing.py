"""Commands that say what there is."""

from contextlib import nullcontext
from typing import Annotated

import typer

from benchmark import protocol as protocols_module
from leaderboard import doctor as doctor_module
from leaderboard import report
from leaderboard.cli.options import DEFAULT_DB, AsJson, Db, one_of, print_json, say
from leaderboard.engine.local import LocalEngine
from leaderboard.sandbox import machine
from leaderboard.store import Store


def protocols(
    name: Annotated[str | None, typer.Argument(help="show this one in full")] = None,
    as_json: AsJson = False,
) -> None:
    """List the protocols, or show one with every cell."""
    if name is not None:
        print_json(protocols_module.describe(protocols_module.load(name)))
        return
    loaded = [protocols_module.load(known) for known in protocols_module.built_in()]
    if as_json:
        print_json([protocols_module.describe(one) for one in loaded])
        return
    for one in loaded:
        cells = len(list(protocols_module.planned(one)))
        say(f"{one.name:20} {one.track:10} {one.hash[:12]} {cells:4} cells  {one.title}")


def datasets(as_json: AsJson = False) -> None:
    """Say which datasets are present here, with their fingerprints."""
    with LocalEngine(1, 1, offline=True) as engine:
        found = doctor_module.datasets(engine)
    if as_json:
        print_json(found)
        return
    for row in found:
        state = row["problem"] or f"{row['pictures']} pictures, fingerprint {row['fingerprint']}"
        say(f"{row['name']:12} {state}")


def doctor(
    need: Annotated[
        list[str] | None,
        typer.Option(help="look at this group alone, and end with 1 if it lacks something"),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="print the AppArmor profile of bwrap, nothing else")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what this machine lacks for each part, and the remedy.

    Groups: machine, sandbox, gpu, codecs, service, data.
    """
    if profile:
        say(machine.PROFILE.rstrip())
        return
    for group in need or ():
        one_of("--need", group, *doctor_module.GROUPS)
    groups = tuple(need) if need else doctor_module.GROUPS
    asked = not doctor_module.ASKED.isdisjoint(groups)
    with LocalEngine(1, 1, offline=True) if asked else nullcontext() as engine:
        found = doctor_module.examine(engine, groups)
    if as_json:
        print_json([row._asdict() for row in found])
    else:
        for row in found:
            say(f"{'ok     ' if row.ok else 'lacking'} {row.group:8} {row.part:20} {row.says}")
    if need and not all(row.ok for row in found):
        raise typer.Exit(1)


def runs(
    db: Db = DEFAULT_DB,
    protocol: Annotated[str | None, typer.Option(help="only runs of this protocol")] = None,
    as_json: AsJson = False,
) -> None:
    """List the stored runs.

    A completed run is official if it is whole and comparable: every picture of a built-in protocol,
    in the sandbox, by a submission that was not trained on test data. It stands in this database
    alone; the public board takes runs that maintainers make.
    """
    stored = Store(db).listed(protocol)
    if as_json:
        print_json([report.summary(run) for run in stored])
        return
    if not stored:
        say(f"no run{f' of {protocol}' if protocol else ''} is stored in {db}")
        return
    for run in stored:
        standing = "official" if run.unofficial_reason is None else "unofficial"
        state = f"{run.status}: {run.detail}" if run.detail else run.status
        say(
            f"{run.id:5}  {run.entry:28} {run.protocol:24} {run.track:10} "
            f"{run.images:5} images  {run.started}  {standing}  {state}"
        )
    say(
        "official: every picture of a built-in protocol, in the sandbox, not trained on test data; "
        "of this database, not of the public board"
    )
