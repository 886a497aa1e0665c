"""A new submission's folder from the templates beside this file."""

import re
import shutil
from pathlib import Path

from benchmark.errors import CallError
from leaderboard.submission.text import NAME, NAME_IN_WORDS

TEMPLATES = Path(__file__).parent / "templates"
KINDS = tuple(sorted(path.name for path in TEMPLATES.iterdir()))
ENDING = ".template"
COMMENTED = re.compile(r"^(\S.*?\S) {2,}(# .*)$", re.M)
"""A line with a comment behind it."""
COMMENTS_AT = 35


def make(name: str, kind: str, parent: Path) -> Path:
    """Make the folder `parent/name`, whole or not at all; returns it."""
    if not re.fullmatch(NAME, name):
        raise CallError(f"name {name!r}: expected {NAME_IN_WORDS}")
    folder = parent / name
    if folder.exists():
        raise CallError(f"{folder} is there already; choose another name, or --in another folder")
    if not parent.is_dir():
        raise CallError(f"{parent} is no folder; make it, or choose another with --in")
    words = {"NAME": name, "CLASS": _class_name(name), "TITLE": name.replace("-", " ")}
    partial = parent / f".{name}.partial"
    try:
        partial.mkdir()
        for template in sorted((TEMPLATES / kind).iterdir()):
            text = template.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(f"@{word}@", value)
            made = partial / template.name.removesuffix(ENDING)
            made.write_text(_aligned(text) if made.suffix == ".toml" else text, encoding="utf-8")
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _aligned(text: str) -> str:
    """Comments behind a line in one column, however long the name that was put before them."""
    return COMMENTED.sub(lambda line: f"{line[1].ljust(COMMENTS_AT - 2)}  {line[2]}", text)


def _class_name(name: str) -> str:
    words = "".join(part.capitalize() for part in re.split("[-.]", name))
    return words if words[0].isalpha() else f"Defense{words}"
