"""The site from a real database: every page there, every link whole, hostile text harmless."""

import dataclasses
import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.errors import CallError
from benchmark.flags import FLAGS
from benchmark.records import CLEAN, Cell, Interval, Run, RunHeader, Shard, ShardResult
from benchmark.threat import Access
from leaderboard.render.figures import Series, plot
from leaderboard.render.pages import percent
from leaderboard.render.render import render
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
        dataclasses.replace(
            outcome(cell.name, image, share * (image in images), draws),
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
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", path.read_text()).split()))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "r.db"), create=True)


class Page(HTMLParser):
    """Links and elements of a page."""

    VOID = frozenset({"meta", "link", "br", "line", "polyline", "polygon", "rect", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        self.ids |= {v for k, v in attributes if k == "id" and v}
        self.links += [v for k, v in attributes if k in ("href", "src") and v]
        assert not any(k.startswith("on") or k == "style" for k, _ in attributes)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def pages(folder: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in sorted(folder.rglob("*.html"))}


def test_every_page_is_there_and_every_link_leads_somewhere(store: Store, tmp_path: Path) -> None:
    add(store)
    flagged = example_run(diagnostics=dict.fromkeys(("decode_failures", "randomness_max"), 1.0))
    add(store, flagged, variant="w", unofficial_reason="limited to 5 of 9 images")
    site = render(store, tmp_path.resolve() / "site")
    found = pages(site)
    names = {path.relative_to(site).as_posix() for path in found}
    assert names == {
        "index.html",
        "flags.html",
        "method.html",
        "real-photographs.html",
        "speed.html",
        "boards/p-h-f.html",
        "entries/s-v-run1.html",
        "entries/s-w-run2.html",
    }
    for path, page in found.items():
        for link in page.links:
            if not link.startswith(("https://", "#")):
                file, _, place = link.partition("#")
                target = (path.parent / file).resolve()
                assert target.exists(), f"{path}: {link}"
                assert not place or place in found[target].ids, f"{path}: {link}"
        assert not any(link.startswith("http") for link in page.links if "static" in link)


def test_figures_are_those_of_the_score(store: Store, tmp_path: Path) -> None:
    add(store)
    text = words(render(store, tmp_path / "site") / "boards" / "p-h-f.html")
    assert "s/v S 80.0 37.6 to 96.4 80.0 37.6 to 96.4 20.0 3.6 to 62.4 20.0 3.6 to 62.4" in text


def test_flags_stand_on_the_row_and_on_the_page_of_the_entry(store: Store, tmp_path: Path) -> None:
    add(store, example_run(diagnostics={"decode_failures": 3, "randomness_max": 0.1}))
    add(store, variant="w")
    site = render(store, tmp_path / "site")
    evidence = "3 pictures did not come back from the codec's own streams."
    for path in (site / "index.html", site / "boards" / "p-h-f.html"):
        flagged, clean = re.findall(r"<th scope=\"row\">.*?</th>", path.read_text(), re.DOTALL)
        assert re.findall(r"flags\.html#([a-z-]+)", flagged) == [
            "undeclared-randomness",
            "decode-failures",
        ]
        assert f'title="{html.escape(evidence)}"' in flagged.replace("&#39;", "&#x27;")
        assert "flags" not in clean
    page = words(site / "entries" / "s-v-run1.html")
    assert f"decode-failures {evidence} {FLAGS['decode-failures'].means}" in page
    assert "None of the flags is raised." in words(site / "entries" / "s-w-run2.html")


def test_the_page_of_flags_has_all_of_them(store: Store, tmp_path: Path) -> None:
    path = render(store, tmp_path / "site") / "flags.html"
    assert set(FLAGS) <= Page(path.read_text()).ids
    text = words(path)
    for name, flag in FLAGS.items():
        assert f"{name} Raised if {flag.raised_if} What it means {flag.means}" in text


def test_a_board_has_the_columns_that_a_row_has(store: Store, tmp_path: Path) -> None:
    asked = cell(Access.QUERY, estimator="none", queries=500, images=3)
    add(store)
    plain = words(render(store, tmp_path / "a") / "boards" / "p-h-f.html")
    assert "Clean % Transfer % White-box % Worst case %" in plain
    add(store, example_run(STANDING | {asked: "12"}), variant="w")
    board = words(render(store, tmp_path / "b") / "boards" / "p-h-f.html")
    assert "Clean % Transfer % Query % White-box % Worst case %" in board
    assert "s/v S 80.0 37.6 to 96.4 80.0 37.6 to 96.4 – 20.0" in board


def test_a_randomized_defense_shows_its_draws(store: Store, tmp_path: Path) -> None:
    averaged = cell(Access.EOT, steps=10, draws=24)
    standing = {c: images for c, images in STANDING.items() if c.access is not Access.WHITE_BOX}
    add(store, example_run(standing | {averaged: "012"}, draws=20, share=0.5))
    text = words(render(store, tmp_path / "site") / "entries" / "s-v-run1.html")
    assert "EOT 30.0" in text
    assert "each picture is judged on 20 fresh draws" in text
    assert "Wrong in any draw, clean 100.0 56.6 to 100.0" in text
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
    page = (render(store, tmp_path / "site") / "entries" / "s-v-run1.html").read_text()
    for said in described:
        assert f"<td>{said}</td>" in page
    assert "<td>7.0</td><td>8.0</td>" in page


def test_hostile_text_is_shown_and_does_nothing(store: Store, tmp_path: Path) -> None:
    add(store, title=HOSTILE, unofficial_reason=HOSTILE, parameters={HOSTILE: HOSTILE})
    for path, page in pages(render(store, tmp_path / "site")).items():
        assert "script" not in page.tags, path
        assert "60481729" not in path.read_text() or "{{" in path.read_text()


def test_an_empty_database(store: Store, tmp_path: Path) -> None:
    assert "No completed run" in (render(store, tmp_path / "site") / "index.html").read_text()


def test_runs_that_did_not_complete_are_not_shown(store: Store, tmp_path: Path) -> None:
    add(store, status="failed")
    assert "No completed run" in (render(store, tmp_path / "site") / "index.html").read_text()


def test_other_pictures_or_protocols_never_share_a_board(store: Store, tmp_path: Path) -> None:
    add(store)
    add(store, dataset_fingerprint="g")
    add(store, protocol_hash="i")
    site = render(store, tmp_path / "site")
    assert len(list((site / "boards").iterdir())) == 3


def test_the_newest_run_of_an_entry_counts(store: Store, tmp_path: Path) -> None:
    add(store)
    add(store)
    board = Page((render(store, tmp_path / "site") / "boards" / "p-h-f.html").read_text())
    assert [link for link in board.links if "entries" in link] == ["../entries/s-v-run2.html"]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_runs_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    add(store)
    first, second = render(store, tmp_path / "a"), render(store, tmp_path / "b")
    assert contents(first) == contents(second)
    add(store, variant="w")
    render(store, first)
    assert (first / "entries" / "s-w-run2.html").exists()


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

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(OSError, match="No space left"):
        render(store, site)
    assert contents(site) == before
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_plot_puts_points_where_they_belong() -> None:
    drawn = plot("t", "s", "x", [Series("a", (0, 8), (1, 0.5), (0.9, 0.4), (1, 0.6))])
    (line,) = drawn.lines
    assert line.points == f"{drawn.left}.0,{drawn.top}.0 {drawn.right}.0,136.0"
    assert line.band.split()[0] == f"{drawn.left}.0,{drawn.top}.0"
    assert [tick.label for tick in drawn.x_ticks] == ["0", "1", "2", "3", "4", "5", "6", "7", "8"]
    assert drawn.rows == (("a", "0", "100.0 %"), ("a", "8", "50.0 %"))


def test_a_missing_figure_is_a_dash() -> None:
    assert percent(None).value == "–"
    assert percent(Interval(0.5, 0.25, 0.75)).bounds == "25.0 to 75.0"
