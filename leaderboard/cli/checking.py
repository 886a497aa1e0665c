"""Commands for whoever makes a submission."""

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.check import static, words
from leaderboard.check.check import check as check_submission
from leaderboard.cli.options import AsJson, one_of, out, print_json, say
from leaderboard.new import new as new_submission
from leaderboard.submission.schema import schema_text


def new(
    name: Annotated[str, typer.Argument(help="of the folder, as in the manifest")],
    kind: Annotated[str, typer.Option(help="codec, purifier or classifier")],
    folder: Annotated[Path, typer.Option("--in", help="where to make it")] = Path("submissions"),
) -> None:
    """Make a submission that works, to start from."""
    one_of("--kind", kind, *new_submission.KINDS)
    made = new_submission.make(name, kind, folder)
    say(f"made {made}")
    say(f"next: squeezebench check {made}")
    say(f"then: squeezebench evaluate {made} --protocol mini-classifier-v1 --limit 2")
    if kind == "codec":
        say(
            f"and, attacked itself: squeezebench evaluate {made} --protocol mini-codec-v1 --limit 2"
        )


def check(
    path: Annotated[Path | None, typer.Argument(help="a submission's folder")] = None,
    as_json: AsJson = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="print the comment that a pull request gets")
    ] = False,
    static_only: Annotated[
        bool, typer.Option("--static", help="folder and manifest alone; run nothing")
    ] = False,
    unsandboxed: Annotated[
        bool, typer.Option("--unsandboxed", help="run code of your own with your rights")
    ] = False,
    others: Annotated[
        Path, typer.Option(help="folder of the submissions that there are")
    ] = static.SUBMISSIONS,
    schema: Annotated[
        bool, typer.Option("--schema", help="print the JSON schema of submission.toml instead")
    ] = False,
) -> None:
    """Check a submission: folder, manifest, contract, and a smoke run in the sandbox."""
    if schema:
        typer.echo(schema_text(), nl=False)
        return
    if path is None:
        raise typer.BadParameter("Missing argument 'PATH'.")
    quiet = as_json or as_markdown
    report = check_submission(
        path,
        (lambda _: None) if quiet else say,
        others=others,
        sandboxed=not unsandboxed,
        run=not static_only,
    )
    if as_json:
        print_json(report.content())
    elif as_markdown:
        typer.echo(words.markdown(report), nl=False)
    else:
        words.show(out, report)
    raise typer.Exit(report.exit_code)
