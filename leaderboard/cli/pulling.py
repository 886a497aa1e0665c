"""Commands on a pull request: `squeezebench pull …`. They read it as data and run none of it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmark import protocol as protocols
from benchmark.errors import CallError
from leaderboard import submission
from leaderboard.check import static, words
from leaderboard.check.findings import report_from
from leaderboard.cli.options import say
from leaderboard.pull import commenting, fetching, results
from leaderboard.pull.api import PUBLIC, Api
from leaderboard.record import moving, publishing

app = typer.Typer(
    help="A pull request as data: fetch it, comment on it. Runs none of its code.",
    no_args_is_help=True,
)

Number = Annotated[int, typer.Argument(help="of the pull request")]
Sha = Annotated[str, typer.Argument(help="its newest commit, in full")]
Repository = Annotated[
    str,
    typer.Option(help="OWNER/NAME", envvar="GITHUB_REPOSITORY", show_default=False),
]
Url = Annotated[str, typer.Option("--api", help="of GitHub's interface", envvar="GITHUB_API_URL")]
Others = Annotated[Path, typer.Option(help="folder of the submissions that there are")]


@app.command()
def fetch(
    number: Number,
    sha: Sha,
    target: Annotated[Path, typer.Option("--out", help="folder to write to")],
    repository: Repository = "",
    api: Url = PUBLIC,
    output: Annotated[
        Path | None, typer.Option(help="file for name=value lines, as a job's outputs")
    ] = None,
) -> None:
    """Write the submission of a pull request at one commit, if its changes are allowed."""
    asked = Api(repository, api)
    written = fetching.write(asked, fetching.look(asked, number, sha), target)
    loaded = submission.load(written)
    say(f"{written}: sha256 {loaded.hash}")
    if output is not None:
        with output.open("a", encoding="utf-8") as lines:
            lines.write(f"name={loaded.manifest.name}\nhash={loaded.hash}\n")


@app.command()
def comment(
    sha: Sha,
    number: Annotated[int | None, typer.Option(help="of the pull request")] = None,
    head: Annotated[
        str | None, typer.Option(help="OWNER:BRANCH that it comes from, in place of its number")
    ] = None,
    reported: Annotated[
        Path | None, typer.Option(help="what `squeezebench check --json` said of it")
    ] = None,
    repository: Repository = "",
    api: Url = PUBLIC,
    others: Others = static.SUBMISSIONS,
) -> None:
    """Say on a pull request what is wrong with it; one comment, edited in place.

    Its changes, folder and manifest are looked at here. What `--reported` says comes from a run
    that the pull request's author could have forged; it is shown as that.
    """
    asked = Api(repository, api)
    if (number is None) == (head is None):
        raise CallError("expected either --number or --head")
    found = number if number is not None else commenting.find(asked, head or "", sha)
    report = commenting.examined(asked, found, sha, others)
    said = None
    if reported is not None and reported.is_file():  # there is none if nothing could be fetched
        said = report_from(reported.read_text("utf-8", "replace"))
    say(commenting.put(asked, found, words.markdown(report, reported=said)))
    say(f"{report.submission}: {words.verdict(report)}")


@app.command()
def announce(
    number: Number,
    record: Annotated[Path, typer.Argument(metavar="FILE", help="the record of its evaluation")],
    folder: Annotated[
        Path | None, typer.Option(help="the fetched submission, for its claims")
    ] = None,
    repository: Repository = "",
    api: Url = PUBLIC,
) -> None:
    """Say on a pull request what was measured, and its claims beside that."""
    asked = Api(repository, api)
    with publishing.trial() as store:
        run = store.run(moving.merge(store, moving.read(record), record).run_id)
    manifest = submission.load(folder).manifest if folder else None
    content = protocols.Protocol.model_validate_json(json.dumps(run.header.protocol_content))
    say(commenting.put(asked, number, results.announcement(run, manifest, content.headline_threat)))
