"""A new submission's folder from the templates beside this file."""

import re
import shutil
from pathlib import Path

from benchmark.errors import CallError
from leaderboard.submission.text import NAME

TEMPLATES = Path(__file__).parent / "templates"
KINDS = tuple(sorted(path.name for path in TEMPLATES.iterdir()))
ENDING = ".template"


def make(name: str, kind: str, parent: Path) -> Path:
    """Make the folder `parent/name`, whole or not at all; returns it."""
    if not re.fullmatch(NAME, name):
        raise CallError(
            f"name {name!r}: expected small letters, digits, hyphens and dots, a letter or digit "
            "first and last, at most 64"
        )
    folder = parent / name
    if folder.exists():
        raise CallError(f"{folder} is there already; choose another name, or --in another folder")
    if not parent.is_dir():
        raise CallError(f"{parent} is no folder; make it, or choose another with --in")
    words = {"NAME": name, "CLASS": _class_name(name), "TITLE": name.replace("-", " ").capitalize()}
    partial = parent / f".{name}.partial"
    try:
        partial.mkdir()
        for template in sorted((TEMPLATES / kind).iterdir()):
            text = template.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(f"@{word}@", value)
            (partial / template.name.removesuffix(ENDING)).write_text(text, encoding="utf-8")
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _class_name(name: str) -> str:
    words = "".join(part.capitalize() for part in re.split("[-.]", name))
    return words if words[0].isalpha() else f"Defense{words}"
