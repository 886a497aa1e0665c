"""Where the keys of a TOML text stand, for errors that name the line."""

import re
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

KEY = re.compile(r"""\s*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))\s*(\.?)""")
HEADER = re.compile(r"\s*(\[\[?)")
SKIPPED = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.S
)
"""A string, as it may stand in a value."""
OPENING, CLOSING = "[{", "]}"


def lines_of(text: str) -> Mapping[KeyPath, int]:
    """The line (from 1) of every table header and of every key that stands before an `=`.

    Keys of inline tables are not among them: they stand where their table does. The text must be
    valid TOML.
    """
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    at = 0
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        if header := HEADER.match(text, at):
            line = text.count("\n", 0, header.end()) + 1
            names, at = _names(text, header.end())
            table = _entered(names, counts, repeated=header[1] == "[[")
            found.setdefault(table, line)
            found.setdefault(tuple(part for part in table if isinstance(part, str)), line)
            at = _next_line(text, at)
            continue
        names, after = _names(text, at)
        if names and text[after : after + 1] == "=":
            line = text.count("\n", 0, after) + 1
            for depth in range(1, len(names) + 1):
                found.setdefault((*table, *names[:depth]), line)
            at = _end_of_value(text, after + 1)
        else:
            at = _next_line(text, at)
    return found


def line_at(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of `path`, or of the nearest table around it; None for the file as a whole."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in lines:
            return lines[path[:depth]]
    return None


def _names(text: str, at: int) -> tuple[KeyPath, int]:
    """The dotted key at `at`, and where it ends."""
    names: list[str] = []
    while match := KEY.match(text, at):
        names.append(next(part for part in match.groups()[:3] if part is not None))
        at = match.end()
        if not match[4]:
            break
    return tuple(names), at


def _entered(names: KeyPath, counts: dict[KeyPath, int], *, repeated: bool) -> KeyPath:
    """The path of a header, with the numbers of the arrays of tables that it is in."""
    path: KeyPath = ()
    for depth, name in enumerate(names, start=1):
        path = (*path, name)
        if repeated and depth == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _end_of_value(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        character = text[at]
        if (string := SKIPPED.match(text, at)) is not None:
            at = string.end()
            continue
        if character == "#":
            at = _end_of_line(text, at)
            continue
        depth += (character in OPENING) - (character in CLOSING)
        at += 1
        if character == "\n" and depth <= 0:
            return at
    return at


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _next_line(text: str, at: int) -> int:
    return min(_end_of_line(text, at) + 1, len(text))
