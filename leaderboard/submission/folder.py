"""What a submission's folder may hold: small files of a few kinds, and no link out of it."""

import ast
import json
import re
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

KIB = 1024
MIB = 1024 * KIB
LARGEST_FILE = 2 * MIB
LARGEST_FOLDER = 20 * MIB
MOST_FILES = 100
DEEPEST = 4
LARGEST_HEADER = MIB
TEXTS = {".py", ".toml", ".md", ".txt", ".json", ".jsonl", ".csv"}
BARE = {"LICENSE", "NOTICE"}
NOT_PART = frozenset({"__pycache__"})
"""Folders that Python makes by itself; they are no part of a submission."""
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
OURS = {"benchmark", "leaderboard", "submissions", "tests"}
API = ("benchmark.api", "benchmark.api.learned")
REDIRECTING = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e"} | set("\u2066\u2067\u2068\u2069")
"""Characters that make code read otherwise than it runs (Boucher, Anderson 2021, 2111.00169)."""


class Misfit(NamedTuple):
    """A file that may not be where it is, and why; `line` where it is known."""

    path: str
    says: str
    line: int | None = None


def irregular(folder: Path) -> list[Misfit]:
    """Links, devices, pipes and sockets in the folder: they are never followed or opened."""
    found = []
    for path in [folder, *_everything(folder)]:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) and path != folder:
            found.append(Misfit(str(path), "is a link; put the file itself there"))
        elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            found.append(Misfit(str(path), "is no file; take it out"))
    return found


def misfits(folder: Path) -> list[Misfit]:
    """Everything in the folder that the rules of a submission forbid."""
    if strange := irregular(folder):
        return strange
    files = [path for path in _everything(folder) if path.is_file()]
    found = [misfit for path in files for misfit in _of_file(path, path.relative_to(folder))]
    return found + _of_all(folder, files)


def _everything(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in NOT_PART and path.is_dir() and not path.is_symlink():
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _everything(path)


def _of_all(folder: Path, files: list[Path]) -> list[Misfit]:
    found = []
    total = sum(path.stat().st_size for path in files)
    if total > LARGEST_FOLDER:
        found.append(Misfit(".", f"has {total} bytes; expected at most {LARGEST_FOLDER}"))
    if len(files) > MOST_FILES:
        found.append(Misfit(".", f"has {len(files)} files; expected at most {MOST_FILES}"))
    seen: dict[str, Path] = {}
    for path in files:
        name = path.relative_to(folder)
        other = seen.setdefault(str(name).casefold(), name)
        if other != name:
            found.append(Misfit(str(name), f"differs from {other} in capitals alone; rename it"))
    return found


def _of_file(path: Path, name: Path) -> list[Misfit]:
    shown = str(name)
    if len(name.parts) > DEEPEST:
        return [Misfit(shown, f"lies deeper than {DEEPEST} folders; move it up")]
    if not all(FILE_NAME.fullmatch(part) for part in name.parts):
        hidden = any(part.startswith(".") for part in name.parts)
        says = "is hidden, and hidden files are not allowed; take it out"
        says = says if hidden else "expected names of letters, digits, _ - and . alone"
        return [Misfit(repr(shown), says)]
    size = path.stat().st_size
    if size > LARGEST_FILE:
        remedy = "name larger weights under [[weights]] of the manifest"
        return [Misfit(shown, f"has {size} bytes; expected at most {LARGEST_FILE}; {remedy}")]
    if path.suffix == ".safetensors":
        return _of_safetensors(path.read_bytes(), shown)
    if path.suffix not in TEXTS and path.name not in BARE:
        allowed = ", ".join(sorted(TEXTS | {".safetensors"}))
        return [Misfit(shown, f"is of no kind that is allowed ({allowed}); take it out")]
    return _of_text(path, shown)


def _of_text(path: Path, shown: str) -> list[Misfit]:
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as problem:
        return [Misfit(shown, f"is not UTF-8 at byte {problem.start}; save it as UTF-8 text")]
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        for character in line:
            control = unicodedata.category(character) == "Cc" and character not in "\t\r"
            if control or character in REDIRECTING:
                says = f"holds the invisible character U+{ord(character):04X}; take it out"
                found.append(Misfit(shown, says, number))
                break
    return found or (_of_python(text, shown) if path.suffix == ".py" else [])


def _of_python(text: str, shown: str) -> list[Misfit]:
    try:
        tree = ast.parse(text)
    except SyntaxError as problem:
        return [Misfit(shown, f"is not Python: {problem.msg}", problem.lineno)]
    except (ValueError, RecursionError, MemoryError):
        return [Misfit(shown, "cannot be parsed as Python")]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        wrong = [name for name in names if name.split(".")[0] in OURS and name not in API]
        if wrong:
            says = f"imports {wrong[0]}; of this project a submission imports {API[0]} alone"
            found.append(Misfit(shown, says, node.lineno))
    return found


def _of_safetensors(content: bytes, shown: str) -> list[Misfit]:
    """The header is read here as JSON; the tensors are read in the box alone."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 2 <= length <= min(LARGEST_HEADER, len(content) - 8):
        return [Misfit(shown, "is no safetensors file: its header does not fit into it")]
    try:
        header = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError):
        return [Misfit(shown, "is no safetensors file: its header is not JSON")]
    if not isinstance(header, dict):
        return [Misfit(shown, "is no safetensors file: its header is no JSON object")]
    return []
