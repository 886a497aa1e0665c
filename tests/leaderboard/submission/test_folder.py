"""The rules of the folder: what is allowed passes, everything else is named."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.submission import SUBMISSIONS
from leaderboard.submission.folder import LARGEST_FILE, misfits

BUNDLED = sorted(path.parent for path in SUBMISSIONS.glob("*/submission.toml"))


@pytest.mark.parametrize("folder", BUNDLED, ids=lambda path: path.name)
def test_the_bundled_submissions_keep_the_rules(folder: Path) -> None:
    assert misfits(folder) == []


def text(name: str, content: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode())

    return change


def header(length: int, rest: bytes) -> Callable[[Path], object]:
    content = length.to_bytes(8, "little") + rest
    return lambda folder: (folder / "w.safetensors").write_bytes(content)


def many(folder: Path) -> None:
    for number in range(120):
        (folder / f"n{number}.txt").write_text("x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: (f / "a.csv").symlink_to("/etc/passwd"), "is a link"),
        (lambda f: (f / "sub").symlink_to("/etc"), "is a link"),
        (lambda f: os.mkfifo(f / "pipe.txt"), "is no file"),
        (text("a.exe", "x"), "is of no kind that is allowed"),
        (text(".hidden", "x"), "hidden files are not allowed"),
        (text("a b.txt", "x"), "expected names of letters"),
        (text("a/b/c/d/e.txt", "x"), "lies deeper than 4 folders"),
        (text("A.txt", "x"), "differs from"),
        (text("big.txt", "x" * (LARGEST_FILE + 1)), "expected at most 2097152"),
        (lambda f: (f / "n.txt").write_bytes(b"\xff"), "is not UTF-8 at byte 0"),
        (text("n.txt", "a\x1b[31mb"), "invisible character U+001B"),
        (text("d.py", "x = 'a\u202eb'"), "invisible character U+202E"),
        (text("d.py", "def"), "is not Python"),
        (text("d.py", "from leaderboard.store import Store"), "imports leaderboard.store"),
        (text("d.py", "import benchmark.judge"), "imports benchmark.judge"),
        (header(2**60, b"{}"), "its header does not fit into it"),
        (header(2, b"[["), "its header is not JSON"),
        (header(2, b"[]"), "its header is no JSON object"),
        (many, "expected at most 100"),
    ],
)
def test_what_is_not_allowed(tmp_path: Path, change: Callable[[Path], object], says: str) -> None:
    folder = Path(shutil.copytree(SUBMISSIONS / "bit-depth", tmp_path / "bit-depth"))
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    (folder / "a.txt").write_text("a file that is allowed")
    change(folder)
    (only, *others) = misfits(folder)
    assert says in only.says
    assert others == []
    assert f"{only.path} {only.says}".isprintable()


def test_the_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.py").write_text("import torch\n\nimport benchmark.judge\n")
    (only,) = misfits(tmp_path)
    assert only.line == 3


def test_what_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "d.py").write_text(
        "import benchmark.api\nfrom benchmark.api import Defense\n"
        "from benchmark.api.learned import Zoo\n"
    )
    (tmp_path / "LICENSE").write_text("MIT")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_bytes(b"\0")
    assert misfits(tmp_path) == []
