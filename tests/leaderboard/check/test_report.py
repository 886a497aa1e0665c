"""The report: hostile text acts neither on a terminal nor in a comment; exit codes."""

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from benchmark.errors import DataError
from leaderboard.check import static, words
from leaderboard.check.findings import Level, Report, found, report_from
from leaderboard.submission import SUBMISSIONS
from tests.leaderboard.commands import complaint, squeezebench, succeed

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "`` ` ``` code",
    "@everyone look",
    "[link](https://evil.example)",
    "\x1b[31mred\x1b[0m\x07",
    "a\n\n# heading\n* item",
    "| cell |",
    "[bold red]markup[/bold red]",
    "\u202ereversed",
    "<!-- squeezebench check -->",
    "&lt;b&gt; &#64;",
    "\\` escaped",
]


def hostile(text: str) -> Report:
    finding = found(Level.ERROR, "manifest", text, file=text, line=3)
    return Report("name", (finding, found(Level.OK, "folder", text)))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_comment_acts(text: str) -> None:
    rendered = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(words.markdown(hostile(text)))
    )
    outside = rendered
    while "<code>" in outside:  # what GitHub neither links, mentions nor runs
        start = outside.index("<code>")
        outside = outside[:start] + outside[outside.index("</code>", start) + 7 :]
    body = outside.removeprefix(f"{words.MARKER}\n")
    for sign in ("<img", "<a ", "@everyone", "<table", "heading", "<!--", "\x1b", "\u202e"):
        assert sign not in body
    assert body.count("<h3>") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_on_a_terminal_acts(text: str) -> None:
    said = StringIO()
    words.show(Console(file=said, force_terminal=False, width=300), hostile(text))
    assert all(c.isprintable() or c == "\n" for c in said.getvalue())
    if "markup" in text:
        assert "[bold red]markup" in said.getvalue()


def test_the_comment_has_a_size() -> None:
    findings = tuple(found(Level.ERROR, "manifest", "x" * 900) for _ in range(400))
    assert len(words.markdown(Report("name", findings))) < 65_536


def test_a_report_comes_back_as_it_was() -> None:
    report = hostile("says")
    assert report_from(json.dumps(report.content())) == report


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"submission": "x", "findings": [1]}',
        '{"submission": "x", "findings": [{"level": "great", "part": "", "says": ""}]}',
        "[" * 100_000,
    ],
)
def test_a_report_that_is_none(text: str) -> None:
    with pytest.raises(DataError, match="this is no report"):
        report_from(text)


def copied(tmp_path: Path, name: str = "bit-depth") -> Path:
    return Path(shutil.copytree(SUBMISSIONS / "bit-depth", tmp_path / name))


def test_a_name_or_title_of_another_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, "b1t-depth")
    manifest = folder / "submission.toml"
    manifest.write_text(manifest.read_text().replace('"bit-depth"', '"b1t-depth"'))
    said = [one.says for one in static.examine(folder) if one.level == Level.ERROR]
    assert len(said) == 2
    assert "name 'b1t-depth' reads like 'bit-depth', which bit-depth has" in said[0]
    assert "title 'Bit-depth reduction' reads like 'Bit-depth reduction'" in said[1]


def test_what_is_asked_for_is_said(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    manifest = folder / "submission.toml"
    text = manifest.read_text()
    manifest.write_text(
        text
        + '\n[training]\nuses_test_data = true\n[claims.3-bit]\nprotocol = "imagenette-v1"\n'
        + '[[weights]]\nurl = "https://a.example/w.safetensors"\n'
        + f'sha256 = "{"a" * 64}"\nbytes = 9\n'
    )
    found_ = {(one.part, one.level) for one in static.examine(folder)}
    assert found_ >= {("training", Level.WARNING), ("weights", Level.NOTE), ("claims", Level.NOTE)}


def test_the_commands_exit_codes(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    assert "nothing to correct" in succeed("check", folder, "--static")
    manifest = folder / "submission.toml"
    manifest.write_text(manifest.read_text().replace("kind =", "knid ="))
    done = squeezebench("check", folder, "--static", "--json")
    assert done.returncode == 1
    content = json.loads(done.stdout)
    assert content["passed"] is False
    (wrong,) = [one for one in content["findings"] if "did you mean 'kind'?" in one["says"]]
    assert (wrong["file"], wrong["line"]) == ("submission.toml", 10)
    marked = squeezebench("check", folder, "--static", "--markdown")
    assert marked.returncode == 1
    assert marked.stdout.startswith(words.MARKER)
    assert "is no folder" in complaint("check", tmp_path / "none", code=2)


def test_a_whole_check_in_the_sandbox(tmp_path: Path) -> None:
    """One variant of a purifier: manifest, contract, smoke run."""
    folder = copied(tmp_path)
    manifest = folder / "submission.toml"
    text = manifest.read_text()
    manifest.write_text(text[: text.index('[[variant]]\nid = "5-bit"')])
    content = json.loads(succeed("check", folder, "--json"))
    assert content["passed"] is True
    parts = {one["part"] for one in content["findings"] if one["level"] == "ok"}
    assert parts == {"folder", "manifest", "output", "repetition", "gradient", "smoke run"}
