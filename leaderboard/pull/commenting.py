"""What a pull request is told: one comment a purpose, edited in place."""

import tempfile
from pathlib import Path

from benchmark.errors import DataError
from leaderboard.check import static
from leaderboard.check.findings import Finding, Level, Report, found
from leaderboard.pull.api import Api
from leaderboard.pull.fetching import Pull, look, write
from leaderboard.submission import MANIFEST, load


def find(api: Api, head: str, sha: str) -> int:
    """The number of the open pull request from `head` (OWNER:BRANCH) that ends in `sha`."""
    for one in api.all("pulls", state="open", head=head):
        if one["head"]["sha"] == sha:
            return int(one["number"])
    raise DataError(f"no open pull request from {head!r} has {sha[:12]} as its newest commit")


def examined(api: Api, number: int, sha: str, others: Path) -> Report:
    """The report on a pull request that needs none of its code to be run."""
    pull = look(api, number, sha)
    findings = list(pull.findings)
    if pull.name is None or not pull.admissible or not pull.entries:
        return Report(pull.name or f"pull request {number}", tuple(findings))
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        written = write(api, pull, Path(folder))
        findings += static.examine(written, others)
        findings += _replaced(pull, written, others)
    if not any(finding.part == "changes" for finding in findings):
        says = f"one submission, {len(pull.entries)} files, and nothing else"
        findings.insert(0, found(Level.OK, "changes", says))
    return Report(pull.name, tuple(findings))


def _replaced(pull: Pull, written: Path, others: Path) -> list[Finding]:
    """What to say if the submission is there already."""
    before = others / written.name
    if not (before / MANIFEST).is_file():
        return []
    says = f"changes a submission that is there: is {pull.author!r} one of its authors?"
    said = [found(Level.WARNING, "changes", says, MANIFEST)]
    try:
        same = load(before).manifest.version == load(written).manifest.version
    except Exception as problem:  # noqa: BLE001 (the static part says what is wrong with it)
        return [*said, found(Level.NOTE, "changes", f"its version is not compared: {problem}")]
    if same:
        says = "the submission changed, so its version must: raise `version`"
        said.append(found(Level.ERROR, "changes", says, MANIFEST))
    return said


def put(api: Api, number: int, body: str) -> str:
    """Post the comment, or edit the one that begins with the same line; says which."""
    marker = body.split("\n", 1)[0]
    for one in api.all(f"issues/{number}/comments"):
        mine = one.get("user", {}).get("type") == "Bot"
        if mine and str(one.get("body", "")).startswith(marker):
            api.send("PATCH", f"issues/comments/{int(one['id'])}", {"body": body})
            return f"edited the comment on pull request {number}"
    api.send("POST", f"issues/{number}/comments", {"body": body})
    return f"commented on pull request {number}"
