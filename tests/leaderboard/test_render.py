"""The site from a real database: every page there, every link whole, hostile text harmless."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.errors import CallError
from benchmark.records import Interval, RunHeader
from leaderboard.render.figures import Series, plot
from leaderboard.render.pages import percent
from leaderboard.render.render import render
from leaderboard.store import Store
from tests.benchmark.test_score import run as example_run

HOSTILE = "<script>alert('x')</script>\"'&{{ 7*7 }}"
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


def header(**given: object) -> RunHeader:
    base = dataclasses.replace(
        example_run().header, protocol_content=PROTOCOL, environment=ENVIRONMENT
    )
    return dataclasses.replace(base, **given)  # type: ignore[arg-type]


def add(store: Store, *, status: str = "completed", **given: object) -> int:
    run_id = store.begin(header(**given))
    store.add(run_id, example_run().results[0])
    store.note(run_id, status)
    return run_id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "r.db"), create=True)


class Page(HTMLParser):
    """Links and elements of a page."""

    VOID = frozenset({"meta", "link", "br", "line", "polyline", "polygon", "rect", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
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
    add(store, variant="w", unofficial_reason="limited to 5 of 9 images")
    site = render(store, tmp_path / "site")
    found = pages(site)
    names = {path.relative_to(site).as_posix() for path in found}
    assert names == {
        "index.html",
        "method.html",
        "real-photographs.html",
        "boards/p-h-f.html",
        "entries/s-v-run1.html",
        "entries/s-w-run2.html",
    }
    for path, page in found.items():
        for link in page.links:
            if not link.startswith(("https://", "#")):
                assert (path.parent / link.split("#")[0]).exists(), f"{path}: {link}"
        assert not any(link.startswith("http") for link in page.links if "static" in link)


def test_figures_are_those_of_the_score(store: Store, tmp_path: Path) -> None:
    add(store)
    board = (render(store, tmp_path / "site") / "boards" / "p-h-f.html").read_text()
    text = " ".join(re.sub(r"<[^>]+>", " ", board).split())
    assert "s/v S 80.0 37.6 to 96.4 80.0 37.6 to 96.4 20.0 3.6 to 62.4 20.0 3.6 to 62.4" in text


def test_hostile_text_is_shown_and_does_nothing(store: Store, tmp_path: Path) -> None:
    add(store, title=HOSTILE, unofficial_reason=HOSTILE, parameters={HOSTILE: HOSTILE})
    for path, page in pages(render(store, tmp_path / "site")).items():
        assert "script" not in page.tags, path
        assert "49" not in path.read_text() or "{{" in path.read_text()


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
