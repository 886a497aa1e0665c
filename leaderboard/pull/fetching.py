"""The files of a pull request, written as data at one commit, after its changes were judged."""

import hashlib
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from benchmark.errors import CallError, DataError
from leaderboard.check.findings import Finding, Level, found
from leaderboard.pull.api import Api
from leaderboard.submission.folder import (
    DEEPEST,
    FILE_NAME,
    LARGEST_FILE,
    LARGEST_FOLDER,
    MOST_FILES,
)
from leaderboard.submission.text import NAME

FOLDER = "submissions"
SHA = re.compile(r"[0-9a-f]{40}")
MODES = {
    "100755": "is marked executable; git update-index --chmod=-x takes that back",
    "120000": "is a symbolic link; put the file itself there",
    "160000": "is a submodule; put the files themselves there",
}


class Entry(NamedTuple):
    """A file in the tree of a commit."""

    path: PurePosixPath
    mode: str
    sha: str
    size: int


@dataclass(frozen=True)
class Pull:
    """A pull request at one commit. `name` is the submission that it changes, if it is one."""

    number: int
    sha: str
    author: str
    name: str | None
    findings: tuple[Finding, ...]
    entries: tuple[Entry, ...]

    @property
    def admissible(self) -> bool:
        """Whether its files may be written."""
        return not any(finding.level == Level.ERROR for finding in self.findings)


def look(api: Api, number: int, sha: str) -> Pull:
    """What the pull request changes, judged; no file is fetched yet."""
    if not SHA.fullmatch(sha):
        raise CallError(f"commit {sha!r}: expected its 40 hexadecimal digits")
    told = api.get(f"pulls/{number}")
    head = told["head"]["sha"]
    author = str(told["user"]["login"])
    if head != sha:
        says = f"was changed: its newest commit is {head[:12]}, asked for was {sha[:12]}"
        raise DataError(f"pull request {number} {says}; look at it again")
    changed = list(api.all(f"pulls/{number}/files"))
    findings = list(_changes(changed))
    names = {name for one in changed for name in [_submission(one["filename"])] if name}
    if len(names) != 1 or any(finding.level == Level.ERROR for finding in findings):
        return Pull(number, sha, author, None, tuple(findings), ())
    (name,) = names
    entries = list(_entries(api, sha, name))
    findings += _modes(entries)
    return Pull(number, sha, author, name, tuple(findings), tuple(entries))


def _submission(path: str) -> str | None:
    parts = PurePosixPath(path).parts
    inside = len(parts) > 2 and parts[0] == FOLDER and re.fullmatch(NAME, parts[1])
    return parts[1] if inside else None


def _changes(changed: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """Whether it changes one submission and nothing else."""
    paths = [one["filename"] for one in changed]
    paths += [one["previous_filename"] for one in changed if one.get("previous_filename")]
    outside = [path for path in paths if _submission(path) is None]
    for path in outside[:10]:
        says = "is no part of a submission; open another pull request for it"
        yield found(Level.ERROR, "changes", says, path)
    names = sorted({name for path in paths for name in [_submission(path)] if name})
    if len(names) > 1:
        says = f"changes {len(names)} submissions ({', '.join(names[:5])}); expected one"
        yield found(Level.ERROR, "changes", says)
    if not names and not outside:
        yield found(Level.ERROR, "changes", "changes nothing")


def _entries(api: Api, sha: str, name: str) -> Iterator[Entry]:
    """The files of the submission's folder in the tree of the commit."""
    tree = api.get(f"git/commits/{sha}")["tree"]["sha"]
    for part in (FOLDER, name):
        listed = {one["path"]: one for one in _tree(api, tree)}
        if part not in listed or listed[part]["type"] != "tree":
            return
        tree = listed[part]["sha"]
    yield from _below(api, tree, PurePosixPath())


def _below(api: Api, tree: str, folder: PurePosixPath) -> Iterator[Entry]:
    if len(folder.parts) >= DEEPEST:
        raise DataError(f"{folder}: folders lie deeper than {DEEPEST}; move the files up")
    for count, one in enumerate(_tree(api, tree)):
        if count > MOST_FILES:
            raise DataError(f"{folder}: more than {MOST_FILES} files in a folder; take some out")
        path = folder / str(one["path"])
        if one["type"] == "tree":
            yield from _below(api, one["sha"], path)
        else:
            yield Entry(path, str(one["mode"]), str(one["sha"]), int(one.get("size", 0)))


def _tree(api: Api, sha: str) -> list[dict[str, Any]]:
    answer = api.get(f"git/trees/{sha}")
    if answer.get("truncated"):
        raise DataError(f"tree {sha[:12]} has too many files; take some out")
    entries: list[dict[str, Any]] = answer["tree"]
    return entries


def _modes(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Links, submodules and sizes, before a byte is fetched."""
    for entry in entries:
        path = str(entry.path)
        if says := MODES.get(entry.mode):
            yield found(Level.ERROR, "changes", says, path)
        elif entry.mode != "100644":
            yield found(Level.ERROR, "changes", f"has mode {entry.mode}, expected a file", path)
        elif not all(FILE_NAME.fullmatch(part) for part in entry.path.parts):
            says = "expected names of letters, digits, _ - and . alone"
            yield found(Level.ERROR, "changes", says, path)
        elif entry.size > LARGEST_FILE:
            says = f"has {entry.size} bytes; expected at most {LARGEST_FILE}"
            yield found(
                Level.ERROR, "changes", f"{says}; larger weights go under [[weights]]", path
            )
    total = sum(entry.size for entry in entries)
    if total > LARGEST_FOLDER or len(entries) > MOST_FILES:
        says = f"{len(entries)} files of {total} bytes; expected {MOST_FILES} and {LARGEST_FOLDER}"
        yield found(Level.ERROR, "changes", f"{says} at most")


def write(api: Api, pull: Pull, folder: Path) -> Path:
    """Fetch the files of an admissible pull request into `folder/NAME`; returns that folder."""
    if pull.name is None or not pull.admissible:
        said = next((f.says for f in pull.findings if f.level == Level.ERROR), "no submission")
        raise DataError(f"pull request {pull.number} is not fetched: {said}")
    target = folder / pull.name
    if target.exists():
        raise CallError(f"{target} is there already; choose another --out")
    if not pull.entries:
        raise DataError(
            f"pull request {pull.number} removes {pull.name}; there is nothing to fetch"
        )
    for entry in pull.entries:
        content = _blob(api, entry)
        path = target / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return target


def _blob(api: Api, entry: Entry) -> bytes:
    """The content of a file, which must have the hash that git gives it."""
    answer = api.get(f"git/blobs/{entry.sha}")
    content = b64decode(answer["content"])
    header = f"blob {len(content)}\0".encode()
    if hashlib.sha1(header + content, usedforsecurity=False).hexdigest() != entry.sha:
        raise DataError(f"{entry.path}: what came has another hash than git says; try again")
    if len(content) > LARGEST_FILE:
        raise DataError(f"{entry.path} has {len(content)} bytes; expected at most {LARGEST_FILE}")
    return content
