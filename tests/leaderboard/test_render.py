"""The site from a real database: every page there, every link whole, hostile text harmless."""

import dataclasses
import hashlib
import html
import json
import math
import re
import sqlite3
import threading
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs_version

from benchmark.errors import CallError
from benchmark.flags import FLAGS
from benchmark.records import CLEAN, Cell, Interval, Run, RunHeader, Shard, ShardResult
from benchmark.threat import Access
from leaderboard.render.axes import Axis, heights
from leaderboard.render.figures import plot
from leaderboard.render.render import Options, render
from leaderboard.render.series import Series
from leaderboard.render.serve import serve
from leaderboard.render.templates import SITE
from leaderboard.render.words import percent, span
from leaderboard.store import Store
from tests.benchmark.test_flags import BARE, cell, outcome, run_of

HOSTILE = "<script>alert('x')</script>\"'&{{ 7777 * 7777 }}"
PROTOCOL = {
    "schema": 1,
    "name": "p",
    "title": "P",
    "track": "classifier",
    "seed": 1,
    "batch": 5,
    "headline": {"norm": "linf", "radius": 4},
    "dataset": {"name": "d", "folder": None, "sample": None, "seed": 0},
    "classifier": [{"name": "c", "source": "timm", "architecture": "a"}],
    "cell": [],
}
ENVIRONMENT = {
    "commit": None,
    "code": "c" * 64,
    "packages": {"torch": "2"},
    "python": "3.11",
    "processor": "cpu",
    "device": "cpu",
    "threads": 1,
    "sandboxed": False,
}


# Which of the five images stand. Under both white-box attacks together it is image 0 alone.
STANDING = {
    Cell(CLEAN, Access.NONE): "0123",
    BARE: "01234",
    cell(): "013",
    cell(radius=8): "0123",
    cell(estimator="identity"): "02",
}


def example_run(
    standing: dict[Cell, str] = STANDING,
    *,
    draws: int = 1,
    share: float = 1.0,
    diagnostics: dict[str, float] | None = None,
) -> Run:
    """`share` of the draws of a standing image are right."""
    outcomes = [
        outcome(cell.name, image, share * (image in images), draws)._replace(
            bits=100 * int(image),
            gradient_steps=7,
            queries=8,
        )
        for cell, images in standing.items()
        for image in "01234"
    ]
    result = ShardResult(Shard("c", 0, 5), tuple(outcomes), 2.0, 0.5, diagnostics or {})
    return run_of([cell for cell in standing if cell.name != CLEAN], [result])


def header(run: Run, **given: object) -> RunHeader:
    base = dataclasses.replace(run.header, protocol_content=PROTOCOL, environment=ENVIRONMENT)
    return dataclasses.replace(base, **given)  # type: ignore[arg-type]


def add(store: Store, run: Run | None = None, *, status: str = "completed", **given: object) -> int:
    run = run or example_run()
    run_id = store.begin(header(run, **given))
    store.add(run_id, run.results[0])
    store.note(run_id, status)
    return run_id


def words(path: Path) -> str:
    """What a reader sees of a page."""
    text = path.read_text().replace("<wbr>", "")
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", text).split()))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "r.db"), create=True)


class Page(HTMLParser):
    """Links and elements of a page."""

    VOID = frozenset(
        {"meta", "link", "br", "wbr", "line", "polyline", "polygon", "rect", "img", "input"}
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "script":
            named = dict(attributes)
            self.scripts.append(
                (named.get("src") or named.get("type") or "").rpartition("static/")[2]
            )
        self.ids |= {v for k, v in attributes if k == "id" and v}
        self.links += [v for k, v in attributes if k in ("href", "src") and v]
        assert not any(k.startswith("on") or k == "style" for k, _ in attributes)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def pages(folder: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in sorted(folder.rglob("*.html"))}


PAGES = {
    "index.html",
    "404.html",
    "archive.html",
    "changelog.html",
    "compare.html",
    "data.html",
    "flags.html",
    "papers.html",
    *(f"{path.stem}.html" for path in (SITE / "content").glob("*.md")),
}


def test_every_page_is_there_and_every_link_leads_somewhere(store: Store, tmp_path: Path) -> None:
    add(store)
    flagged = example_run(diagnostics=dict.fromkeys(("decode_failures", "randomness_max"), 1.0))
    add(store, flagged, variant="w", unofficial_reason="limited to 5 of 9 images")
    add(store, variant="x", status="failed")
    add(store, variant="y")
    site = render(store, tmp_path.resolve() / "site")
    found = pages(site)
    names = {path.relative_to(site).as_posix() for path in found}
    assert names == PAGES | {
        "boards/p-h-f.html",
        *(f"entries/s/{variant}.html" for variant in "vwxy"),
        *(f"runs/{number}.html" for number in range(1, 5)),
    }
    for path, page in found.items():
        for link in page.links:
            if not link.startswith(("https://", "#")):
                file, _, place = link.partition("#")
                target = (path.parent / file).resolve() if file else path
                assert target.exists(), f"{path}: {link}"
                in_script = target.name == "compare.html" or "boards" in target.parts
                assert in_script or not place or place in found[target].ids, f"{path}: {link}"
        assert not any(link.startswith("http") for link in page.links if "static" in link)


def board_of(site: Path) -> Path:
    (board,) = (site / "boards").iterdir()
    return board


def test_figures_are_those_of_the_score(store: Store, tmp_path: Path) -> None:
    add(store)
    text = words(board_of(render(store, tmp_path / "site")))
    assert "s/v S 20.0 4–62 80.0 38–96 80.0 38–96 20.0 4–62" in text


def test_of_two_classifiers_the_mean_stands_first(store: Store, tmp_path: Path) -> None:
    run = example_run()
    other = dataclasses.replace(run.header.classifiers[0], name="e")
    both = (*run.header.classifiers, other)
    none_left = example_run(dict.fromkeys(STANDING, "") | {next(iter(STANDING)): "01234"})
    results = [
        dataclasses.replace(
            none_left.results[0],
            shard=Shard("e", 0, 5),
            outcomes=tuple(o._replace(classifier="e") for o in none_left.results[0].outcomes),
        )
    ]
    run_id = store.begin(header(run, classifiers=both))
    for result in (*run.results, *results):
        store.add(run_id, result)
    store.note(run_id, "completed")
    text = words(board_of(render(store, tmp_path / "site")))
    # Of image 0 one of two classifiers is right under attack, of the others none: 10 %.
    assert "s/v S 10.0" in text
    assert "mean of 2 classifiers c e" in text


def test_flags_stand_on_the_row_and_on_the_page_of_the_entry(store: Store, tmp_path: Path) -> None:
    add(store, example_run(diagnostics={"decode_failures": 3, "randomness_max": 0.1}))
    add(store, variant="w")
    site = render(store, tmp_path / "site")
    evidence = "3 pictures did not come back from the codec's own streams."
    for path in (site / "index.html", board_of(site)):
        rows = re.findall(r'<tr[^>]* data-kind="codec".*?</tr>', path.read_text(), re.DOTALL)
        marks = [re.findall(r"flags\.html#([a-z-]+)", row) for row in rows]
        assert marks == [["undeclared-randomness", "decode-failures"], []]
    page = words(site / "entries" / "s" / "v.html")
    assert f"decode-failures c {evidence} {FLAGS['decode-failures'].means}" in page
    assert "None of the flags is raised." in words(site / "entries" / "s" / "w.html")


def test_the_page_of_flags_has_all_of_them(store: Store, tmp_path: Path) -> None:
    path = render(store, tmp_path / "site") / "flags.html"
    assert set(FLAGS) <= Page(path.read_text()).ids
    text = words(path)
    for name, flag in FLAGS.items():
        assert f"{name} Raised if {flag.raised_if} What it means {flag.means}" in text


def test_a_board_has_the_columns_that_a_row_has(store: Store, tmp_path: Path) -> None:
    asked = cell(Access.QUERY, estimator="none", queries=500, images=3)
    add(store)
    plain = words(board_of(render(store, tmp_path / "a")))
    assert "Clean % Curve Transfer % White-box % Bits per pixel" in plain
    add(store, example_run(STANDING | {asked: "12"}), variant="w")
    board = words(board_of(render(store, tmp_path / "b")))
    assert "Curve Transfer % Query % White-box % Bits per pixel" in board
    assert "s/v S 20.0 4–62 80.0 38–96 80.0 38–96 – 20.0 4–62" in board


def test_a_randomized_defense_shows_its_draws(store: Store, tmp_path: Path) -> None:
    averaged = cell(Access.EOT, steps=10, draws=24)
    standing = {c: images for c, images in STANDING.items() if c.access is not Access.WHITE_BOX}
    add(store, example_run(standing | {averaged: "012"}, draws=20, share=0.5))
    text = words(render(store, tmp_path / "site") / "entries" / "s" / "v.html")
    assert "EOT 30.0" in text
    assert "each picture is judged on 20 fresh draws" in text
    assert "Wrong in any draw, clean 100.0 57–100" in text
    assert "pgd, 10 steps, 24 draws a step" in text


def test_attacks_are_described_with_all_that_they_may_spend(store: Store, tmp_path: Path) -> None:
    described = {
        "pgd, 1 step": cell(steps=1),
        "pgd, 20 steps, a check for the flags": cell(steps=20, check=True),
        "pgd, 10 steps, eps_step = 0.1, norm = inf": cell(options="eps_step=0.1,norm=inf"),
        "pgd, 500 queries, first 3 pictures": cell(
            Access.QUERY, estimator="none", queries=500, images=3
        ),
    }
    add(store, example_run(STANDING | dict.fromkeys(described.values(), "01")))
    page = (render(store, tmp_path / "site") / "entries" / "s" / "v.html").read_text()
    for said in described:
        assert f"<td>{said}</td>" in page
    assert '<td class="n">7.0</td><td class="n">8.0</td>' in page


def test_a_gradient_has_its_own_line(store: Store, tmp_path: Path) -> None:
    add(store)
    text = words(render(store, tmp_path / "site") / "entries" / "s" / "v.html")
    assert "by the gradient they follow: at the largest size" in text
    assert "identity 4 40.0 %" in text


def test_hostile_text_is_shown_and_does_nothing(store: Store, tmp_path: Path) -> None:
    texts = dict.fromkeys(("submission", "variant", "title", "kind", "dataset"), HOSTILE)
    add(store, **texts, unofficial_reason=HOSTILE, parameters={HOSTILE: HOSTILE})
    add(store, **texts | {"variant": "../../" + HOSTILE}, environment={HOSTILE: HOSTILE})
    add(store, protocol=HOSTILE, protocol_hash="../x", submission="..", variant="..")
    add(store, status=HOSTILE)
    site = render(store, tmp_path / "site")
    made = {path.name for path in tmp_path.iterdir() if not path.name.startswith("r.db")}
    assert made == {".site-digests", "site"}
    for path, page in pages(site).items():
        assert page.scripts == [script for script in page.scripts if script in OURS], path
        assert "60481729" not in path.read_text() or "{{" in path.read_text()
    for path in site.rglob("*.js"):
        if "data" in path.parts:
            assert "<" not in path.read_text()


OURS = {"board.js", "plot.js", "compare.js", "application/json"}


def test_links_of_a_manifest_are_followed_by_nobody(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "submissions" / "s"
    folder.mkdir(parents=True)
    (folder / "defense.py").write_text("")
    (folder / "submission.toml").write_text(MANIFEST)
    (tmp_path / "submissions" / "broken").mkdir()
    add(store)
    options = Options(submissions=tmp_path / "submissions")
    page = (render(store, tmp_path / "site", options) / "entries" / "s" / "v.html").read_text()
    assert '<a href="https://example.org/p" rel="noopener nofollow">Paper</a>' in page
    assert "with learned compression" in page
    assert (
        html.escape(HOSTILE, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
        in page
    )
    assert "The submission has changed since its newest run" in page


MANIFEST = """
schema = 1
name = "s"
version = "1"
title = "S"
authors = ["A & B"]
license = "MIT"
paper = "https://example.org/p"
[defense]
kind = "codec"
entry = "defense:D"
gradient = "exact"
learned = true
[[variant]]
id = "v"
[[notes]]
text = '''<script>alert('x')</script>"'&{{ 7777 * 7777 }}'''
"""


def test_a_protocol_of_another_version_is_a_status(store: Store, tmp_path: Path) -> None:
    add(store, protocol_content={"schema": 9, "name": "future"})
    site = render(store, tmp_path / "site")
    assert "cannot read its protocol" in words(site / "runs" / "1.html")
    assert "not shown" in words(site / "entries" / "s" / "v.html")
    assert "1 has none" in words(site / "data.html")


def test_an_empty_database(store: Store, tmp_path: Path) -> None:
    assert "No completed run" in (render(store, tmp_path / "site") / "index.html").read_text()


def test_a_run_that_failed_is_a_status_with_its_reason(store: Store, tmp_path: Path) -> None:
    run_id = add(store, status="failed")
    store.note(run_id, "failed", "the worker was killed")
    site = render(store, tmp_path / "site")
    assert "No completed run" in (site / "index.html").read_text()
    assert "S ( s/v ) under" in words(site / "runs" / "1.html").replace("(s/v)", "( s/v )")
    assert "failed the worker was killed" in words(site / "entries" / "s" / "v.html")
    add(store)
    board = words(board_of(render(store, site)))
    assert "1 s/v failed the worker was killed" in board


def test_other_pictures_or_protocols_never_share_a_board(store: Store, tmp_path: Path) -> None:
    add(store)
    add(store, dataset_fingerprint="g")
    add(store, protocol_hash="i")
    site = render(store, tmp_path / "site")
    assert len(list((site / "boards").iterdir())) == 3


def test_the_newest_run_of_an_entry_counts(store: Store, tmp_path: Path) -> None:
    add(store)
    add(store)
    site = render(store, tmp_path / "site")
    board = Page(board_of(site).read_text())
    assert [link for link in board.links if "entries/" in link] == ["../entries/s/v.html"]
    entry = Page((site / "entries" / "s" / "v.html").read_text())
    assert [link for link in entry.links if "runs" in link and link.endswith("html")] == [
        "../../runs/2.html",
        "../../runs/2.html",
        "../../runs/1.html",
    ]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_runs_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    add(store)
    first, second = render(store, tmp_path / "a"), render(store, tmp_path / "b")
    assert contents(first) == contents(second)
    add(store, variant="w")
    render(store, first)
    assert (first / "entries" / "s" / "w.html").exists()
    assert contents(first) == contents(render(store, tmp_path / "c"))


def test_what_did_not_change_is_not_made_again(store: Store, tmp_path: Path) -> None:
    add(store)
    site = render(store, tmp_path / "site")
    before = {path: path.stat().st_ino for path in site.rglob("*") if path.is_file()}
    render(store, site)
    assert before == {path: path.stat().st_ino for path in site.rglob("*") if path.is_file()}
    add(store, submission="t")
    render(store, site)
    kept = {
        path.relative_to(site).as_posix()
        for path, ino in before.items()
        if path.stat().st_ino == ino
    }
    assert {"runs/1.html", "data/runs/1.json", "method.html", "static/style.css"} <= kept
    assert "boards/p-h-f.html" not in kept


def test_a_page_that_went_missing_is_made_again(store: Store, tmp_path: Path) -> None:
    add(store)
    site = render(store, tmp_path / "site")
    (site / "runs" / "1.html").unlink()
    assert (render(store, site) / "runs" / "1.html").exists()


def test_a_folder_of_somebody_else_is_left_alone(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(CallError, match="no site that squeezebench made; choose another"):
        render(store, mine)
    assert contents(mine) == {"thesis.txt": b"years of work"}


def test_a_failed_rendering_leaves_the_old_site(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store)
    site = render(store, tmp_path / "site")
    before = contents(site)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    add(store)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        render(store, site)
    monkeypatch.undo()
    assert contents(site) == before
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_plot_puts_points_where_they_belong() -> None:
    series = [Series("a", (0, 8), (1, 0.5), (0.9, 0.4), (1, 0.6))]
    drawn = plot("t", "s", Axis("x"), series)
    (line,) = drawn.lines
    middle = (drawn.top + drawn.bottom) / 2
    assert line.points == f"{drawn.left}.0,{drawn.top}.0 {drawn.right}.0,{middle}"
    assert line.band.split()[0] == f"{drawn.left}.0,{drawn.top}.0"
    assert [tick.label for tick in drawn.x_ticks] == ["0", "1", "2", "3", "4", "5", "6", "7", "8"]
    assert drawn.rows == (
        ("a", "0", "100.0 %", "90.0–100.0 %"),
        ("a", "8", "50.0 %", "40.0–60.0 %"),
    )


def test_a_board_offers_no_filter_that_leaves_nothing(store: Store, tmp_path: Path) -> None:
    add(store)
    page = board_of(render(store, tmp_path / "site")).read_text(encoding="utf-8")
    assert 'data-hash=""' in page
    assert "learned=1" not in page
    assert "random=1" not in page


def test_no_two_lines_look_the_same() -> None:
    drawn = plot("t", "s", Axis("x"), [Series(f"{i}", (0, 8), (1, 0)) for i in range(28)])
    assert len({(line.style, line.dash) for line in drawn.lines}) == 28
    assert len({(line.style, line.marker) for line in drawn.lines}) == 28


def test_a_mark_below_others_is_larger_so_that_each_is_seen() -> None:
    places = [("a", (1, 8), (1, 0)), ("b", (1,), (1,)), ("c", (1,), (1,)), ("d", (8,), (1,))]
    drawn = plot("t", "s", Axis("x", log=True), [Series(*place) for place in places])
    sizes = {line.name: [float(mark[3]) for mark in line.marks] for line in drawn.lines}
    assert sizes["a"][0] > sizes["b"][0] > sizes["c"][0] == 1
    assert sizes["a"][1] == sizes["d"][0] == 1


def test_few_pictures_say_that_they_tell_nothing_apart(store: Store, tmp_path: Path) -> None:
    for variant in ("v", "w"):
        add(store, variant=variant)
    text = words(board_of(render(store, tmp_path / "site")))
    # Five signs fall alike by chance in one of 16 cases, six in one of 32.
    assert "So few cannot tell any two of the 2 entries apart: that takes at least 6" in text


def test_counts_have_whole_ticks() -> None:
    assert heights([0, 2]) == [0, 0.5, 1, 1.5, 2]
    assert heights([0, 2], whole=True) == [0, 1, 2]
    assert all(tick == int(tick) for tick in heights([0, 10], whole=True))


def test_a_logarithmic_axis_encloses_its_values() -> None:
    drawn = plot("t", "s", Axis("x", log=True), [Series("a", (0.3, 3.0), (1, 0))])
    assert drawn.x_label == "x (logarithmic)"
    ticks = [float(tick.label) for tick in drawn.x_ticks]
    assert ticks[0] <= 0.3
    assert ticks[-1] >= 3
    places = [float(tick.at) for tick in drawn.x_ticks]
    first, last = (float(point.split(",")[0]) for point in drawn.lines[0].points.split())
    assert (last - first) / (places[-1] - places[0]) == pytest.approx(
        math.log(10) / math.log(ticks[-1] / ticks[0]), abs=0.01
    )


def test_plotly_takes_the_interactive_figure_as_it_is() -> None:
    series = [Series(f"<{i}>", (1, 2), (0.5, 0.25), (0.4, 0.2), (0.6, 0.3)) for i in range(30)]
    drawn = plot("t", "s", Axis("x", log=True), series)
    assert "<" not in drawn.interactive
    content = json.loads(drawn.interactive)
    figure = go.Figure(content)  # raises on what plotly does not know
    assert len(figure.data) == 30
    assert figure.data[3].name == "<3>"
    assert figure.data[3].y == (50.0, 25.0)
    assert figure.layout.xaxis.type == "log"


def test_the_vendored_library_is_that_of_the_python_package() -> None:
    vendor = SITE / "static" / "vendor"
    (library,) = vendor.glob("plotly-basic-*.min.js")
    assert library.name == f"plotly-basic-{get_plotlyjs_version()}.min.js"
    assert f"v{get_plotlyjs_version()}\n" in library.read_text()[:200]
    known, name = (vendor / "SHA256SUMS").read_text().split()
    assert (known, name) == (hashlib.sha256(library.read_bytes()).hexdigest(), library.name)
    assert library.name in (SITE / "static" / "plot.js").read_text()


def test_the_data_keeps_to_its_schema(store: Store, tmp_path: Path) -> None:
    add(store)
    add(store, example_run(draws=20, share=0.5), variant="w")
    data = render(store, tmp_path / "site") / "data"
    schema = json.loads((data / "schema.json").read_text())
    index = json.loads((data / "index.json").read_text())
    jsonschema.validate(index, schema["index"])
    for slug in index["boards"]:
        board = json.loads((data / "boards" / f"{slug}.json").read_text())
        jsonschema.validate(board, schema["board"])
    for number in index["runs"]:
        run = json.loads((data / "runs" / f"{number}.json").read_text())
        jsonschema.validate(run, schema["run"])
    assert index["runs"] == [1, 2]
    first = json.loads((data / "runs" / "1.json").read_text())["parts"][0]
    assert first["images"]["worst"] == [1, 0, 0, 0, 0]
    assert first["images"]["bits_per_pixel"] == [0, 0.5, 1, 1.5, 2]
    table = (data / "runs" / "1.csv").read_text().splitlines()
    assert table[0].startswith("classifier,image,clean,")
    assert table[1] == "c,0,1,1,1,1,1"
    rows = (data / "boards" / "p-h-f.csv").read_text().splitlines()
    assert rows[1].startswith("1,1,1,s/v,codec,0.800000")


def test_the_copy_of_the_database_needs_no_journal(store: Store, tmp_path: Path) -> None:
    add(store)
    path = render(store, tmp_path / "site") / "data" / "squeezebench.sqlite"
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    assert connection.execute("SELECT count(*) FROM outcomes").fetchone() == (25,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    bare = render(store, tmp_path / "bare", Options(database=False))
    assert not (bare / "data" / "squeezebench.sqlite").exists()


def test_the_feed_has_the_newest_runs_first(store: Store, tmp_path: Path) -> None:
    add(store)
    add(store, variant="w")
    site = render(store, tmp_path / "site", Options(url="https://example.org/bench/"))
    feed = ElementTree.parse(site / "feed.xml").getroot()
    space = "{http://www.w3.org/2005/Atom}"
    links = [e.find(f"{space}link").attrib["href"] for e in feed.iter(f"{space}entry")]
    assert links == [f"https://example.org/bench/runs/{number}.html" for number in (2, 1)]
    assert len({entry.find(f"{space}id").text for entry in feed.iter(f"{space}entry")}) == 2
    missing = (site / "404.html").read_text()
    assert 'href="/bench/static/style.css"' in missing


def test_an_address_must_be_https(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="expected an address that begins with https://"):
        render(store, tmp_path / "site", Options(url="http://example.org"))


def test_a_badge_says_what_the_row_says(store: Store, tmp_path: Path) -> None:
    add(store)
    badges = render(store, tmp_path / "site") / "badges" / "s"
    assert json.loads((badges / "v.json").read_text()) == {
        "schemaVersion": 1,
        "label": "robust accuracy",
        "message": "20.0 % (4–62)",
        "color": "4a5563",
    }
    title = ElementTree.parse(badges / "v.svg").getroot()[0].text
    assert title == "robust accuracy: 20.0\u00a0% (4–62)"


def test_codecs_at_one_rate_are_read_off_their_curves(store: Store, tmp_path: Path) -> None:
    for quality, standing in ((1, "0"), (2, "0123")):
        run = example_run({c: standing if c.name != CLEAN else "01234" for c in STANDING})
        outcomes = tuple(o._replace(bits=50 * 4**quality) for o in run.results[0].outcomes)
        result = dataclasses.replace(run.results[0], outcomes=outcomes)
        run = dataclasses.replace(run, results=(result,))
        add(store, run, variant=f"q{quality}", parameters={"quality": quality})
    text = words(board_of(render(store, tmp_path / "site")))
    # 1 and 4 bits per pixel; 2 is halfway in the logarithm, between 20 % and 80 %.
    assert "Codec Rates run 1 bpp 2 bpp 4 bpp s q1, q2 1.00–4.00 20.0" in text
    assert "50.0 17–83 clean 100.0" in text


def test_a_preview_shows_the_site_and_its_page_of_what_is_missing(
    store: Store, tmp_path: Path
) -> None:
    add(store)
    with serve(render(store, tmp_path / "site"), 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            with urllib.request.urlopen(f"{address}/runs/1.html") as answer:
                assert b"Run 1" in answer.read()
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"{address}/nothing")
            assert caught.value.code == 404
            assert b"This page is not here" in caught.value.read()
            caught.value.close()
            with pytest.raises(CallError, match="choose another, or 0"):
                serve(tmp_path, server.server_port)
        finally:
            server.shutdown()
            thread.join()


def test_a_missing_figure_is_a_dash() -> None:
    assert percent(None).value == "–"
    assert percent(Interval(0.5, 0.25, 0.75)).bounds == "25–75"
    assert percent(Interval(0.5, 0.485, 0.515)).bounds == "48.5–51.5"


def test_bounds_below_0_are_no_dashes() -> None:
    assert span("1.0", "2.0") == "1.0–2.0"
    assert span("-0.16", "0.04") == "−0.16 to 0.04"
