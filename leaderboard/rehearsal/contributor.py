"""What contributors of a rehearsal send: one good submission, and each thing that is refused."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from leaderboard.new import new
from leaderboard.record.git import AUTHOR, git
from leaderboard.submission import MANIFEST
from leaderboard.submission.folder import LARGEST_FILE

NAME = "rehearsed"


class Sent(NamedTuple):
    """A branch of a contributor: what is done to a clone, and what the report must say to it.

    `fetched`: whether a maintainer who asks gets the files all the same.
    """

    change: Callable[[Path], None]
    refused: str | None
    fetched: bool = False


def _make(clone: Path, name: str = NAME) -> Path:
    return new.make(name, "purifier", clone / "submissions")


def _good(clone: Path) -> None:
    manifest = _make(clone) / MANIFEST
    text = manifest.read_text(encoding="utf-8")
    claims = '[claims.weak]\nprotocol = "check"\nclean_accuracy = 0.5\n'
    manifest.write_text(text.replace("# [claims.VARIANT]\n", claims, 1), encoding="utf-8")


def _touches_others(clone: Path) -> None:
    _make(clone)
    (clone / "README.md").write_text("Read mine instead.\n", encoding="utf-8")


def _bad_manifest(clone: Path) -> None:
    manifest = _make(clone) / MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("kind =", "knid ="), encoding="utf-8")


def _hostile(clone: Path) -> None:
    """A title that would close a code span, call somebody and color a terminal."""
    manifest = _make(clone) / MANIFEST
    text = manifest.read_text(encoding="utf-8")
    title = '"` @everyone <img src=x onerror=alert(1)> \\u001b[31m"'
    hostile = re.sub(r'(?m)^title = "[^"]*"', lambda _: f"title = {title}", text, count=1)
    manifest.write_text(hostile, encoding="utf-8")


def _oversized(clone: Path) -> None:
    (_make(clone) / "notes.txt").write_bytes(b"x" * (LARGEST_FILE + 1))


def _link(clone: Path) -> None:
    (_make(clone) / "labels.csv").symlink_to("/etc/passwd")


def _submodule(clone: Path) -> None:
    # git takes a repository inside of another one for a submodule.
    git(clone, "clone", "--quiet", str(clone), str(_make(clone) / "library"))


def _another_name(clone: Path) -> None:
    folder = _make(clone)
    manifest = folder / MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace(f'name = "{NAME}"', 'name = "jpeg"'), encoding="utf-8")


def _replaces(clone: Path) -> None:
    (clone / "submissions" / "jpeg" / "defense.py").write_text("import os\n", encoding="utf-8")


SENT: Mapping[str, Sent] = {
    "touches-others": Sent(_touches_others, "is no part of a submission"),
    "bad-manifest": Sent(_bad_manifest, "unknown key 'defense.knid'; did you mean 'kind'?"),
    "hostile": Sent(_hostile, "is a control character; take it out"),
    "oversized": Sent(_oversized, "larger weights go under [[weights]]"),
    "link": Sent(_link, "is a symbolic link"),
    "submodule": Sent(_submodule, "is a submodule"),
    "another-name": Sent(_another_name, "they must be the same"),
    "replaces": Sent(_replaces, "is 'somebody' one of its authors?", fetched=True),
    "good": Sent(_good, None, fetched=True),
}
"""By branch, in the order that they are sent."""


def push(origin: Path, clone: Path, branch: str, number: int) -> str:
    """Make the branch in a fresh clone of a fork and push it as a pull request; its commit."""
    git(origin, "clone", "--quiet", str(origin), str(clone))
    SENT[branch].change(clone)
    git(clone, "add", "--all", "submissions", "README.md")
    git(clone, *AUTHOR, "commit", "--quiet", "--message", f"Add {branch}")
    git(clone, "push", "--quiet", "origin", f"HEAD:refs/pull/{number}/head")
    return git(clone, "rev-parse", "HEAD").strip()
