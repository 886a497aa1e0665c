"""Every kind of page in a real browser: quiet, at home, accessible, valid, light."""

import gzip
import itertools
import re
from pathlib import Path

import html5lib
import pytest

from tests.site.conftest import SCREENSHOTS, Visitor

AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
# Everything that axe checks for WCAG 2.2 AA, and its best practices.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
KINDS = {
    "home": "index.html",
    "board": "boards/*.html",
    "entry": "entries/codec-000/q3.html",
    "randomized": "entries/purifier-005/q1.html",
    "run": "runs/1.html",
    "failed": "runs/97.html",
    "compare": "compare.html",
    "text": "sure.html",
    "table": "method.html",
    "flags": "flags.html",
    "papers": "papers.html",
    "data": "data.html",
    "archive": "archive.html",
    "missing": "404.html",
}
LIGHT_BYTES, REQUESTS, PLOT_BYTES, SCRIPT_BYTES = 150_000, 25, 600_000, 8192


def path_of(site: Path, kind: str) -> str:
    found = sorted(site.glob(KINDS[kind])) or sorted(site.glob("entries/*/*.html"))
    return found[0].relative_to(site).as_posix()


def complaints(visit: Visitor, site: Path, path: str, name: str, **options: object) -> list[str]:
    """What axe says of the page, what the page itself says, and what it asks of others."""
    seen = visit(**options)
    page = seen.open(site, path)
    page.wait_for_load_state("networkidle")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(SCREENSHOTS / f"{name}.png"), full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    found = [f"{wide} px too wide"] if wide > 0 else []
    found += [f"said: {text}" for text in seen.said]
    found += [f"asked for: {url}" for url in seen.requests if not url.startswith(site.as_uri())]
    # As an argument of evaluate and not a script of the page, which its policy would refuse.
    page.evaluate(AXE.read_text())
    result = page.evaluate("tags => axe.run({runOnly: tags})", TAGS)
    return found + [
        f"axe {one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in result["violations"]
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("view", "options"),
    [
        ("wide", {}),
        ("phone", {"width": 360, "height": 740}),
        ("dark", {"color_scheme": "dark"}),
    ],
)
def test_a_page_is_accessible_and_quiet(
    visit: Visitor, generated: Path, kind: str, view: str, options: dict[str, object]
) -> None:
    path = path_of(generated, kind)
    assert complaints(visit, generated, path, f"{kind}-{view}", **options) == []


@pytest.mark.parametrize("kind", ["home", "board", "entry", "compare", "papers"])
def test_a_site_of_real_evaluations(visit: Visitor, evaluated: Path, kind: str) -> None:
    path = path_of(evaluated, kind)
    assert complaints(visit, evaluated, path, f"evaluated-{kind}") == []


def test_hostile_names_do_nothing(visit: Visitor, hostile: Path, empty: Path) -> None:
    """On any page that has a name on it: that differs from the page of a site without runs."""
    visited = 0
    for path in sorted(hostile.rglob("*.html")):
        name = path.relative_to(hostile).as_posix()
        if (empty / name).is_file() and (empty / name).read_bytes() == path.read_bytes():
            continue
        visited += 1
        assert complaints(visit, hostile, name, "hostile") == [], name
    assert visited >= len(list((hostile / "entries").rglob("*.html"))) + len(KINDS) // 2


def test_an_empty_site(visit: Visitor, empty: Path) -> None:
    for kind in ("home", "compare", "papers", "data", "archive"):
        assert complaints(visit, empty, KINDS[kind], f"empty-{kind}") == []


@pytest.mark.parametrize("site", ["generated", "hostile", "empty"])
def test_html_is_valid(site: str, request: pytest.FixtureRequest) -> None:
    for path in request.getfixturevalue(site).rglob("*.html"):
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(path.read_text())
        assert [error[1:] for error in parser.errors] == [], path


def test_ids_are_unique_and_headings_do_not_skip(generated: Path) -> None:
    for path in generated.rglob("*.html"):
        text = path.read_text()
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path
        levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
        steps = [after - before for before, after in itertools.pairwise(levels)]
        assert levels[0] == 1, path
        assert max(steps, default=0) <= 1, path


def weight(paths: list[Path]) -> int:
    return sum(len(gzip.compress(path.read_bytes())) for path in paths)


def test_the_first_page_is_light(visit: Visitor, generated: Path) -> None:
    seen = visit()
    seen.open(generated, "index.html").wait_for_load_state("networkidle")
    files = [Path(url.removeprefix("file://").partition("#")[0]) for url in seen.requests]
    assert len(files) <= REQUESTS
    assert weight(files) <= LIGHT_BYTES


def test_a_page_with_a_drawn_plot_is_light_enough(visit: Visitor, generated: Path) -> None:
    seen = visit()
    page = seen.open(generated, path_of(generated, "entry"))
    page.locator(".zoom").first.click()
    page.locator(".drawn .main-svg").first.wait_for()
    files = {Path(url.removeprefix("file://")) for url in seen.requests if url.startswith("file:")}
    assert weight(sorted(files)) <= PLOT_BYTES


def test_our_own_script_is_small(generated: Path) -> None:
    """All scripts of ours that a page names, as files of the site, before a host compresses them.

    (What a page reads from `data/` is data, and plotly.js is not ours and comes on request.)
    """
    for kind in KINDS:
        path = generated / path_of(generated, kind)
        named = re.findall(r'<script [^>]*src="([^"]+)"', path.read_text())
        if kind == "compare":
            # It reads one of two more.
            named.append("static/compare-classifier.js")
        sizes = {name: (path.parent / name).stat().st_size for name in named}
        assert sum(sizes.values()) <= SCRIPT_BYTES, (kind, sizes)


def test_without_javascript_the_table_is_whole(visit: Visitor, generated: Path) -> None:
    page = visit(java_script_enabled=False).open(generated, path_of(generated, "board"))
    assert page.locator(".tools").is_hidden()
    rows = page.locator("table.board").first.locator("tbody tr")
    tiers = [int(text) for text in rows.locator("td.tier").all_inner_texts()]
    assert len(tiers) > 60
    assert tiers == sorted(tiers)
    assert page.locator(".plot > svg").count() >= 3
    page.goto((generated / "compare.html").as_uri())
    assert "needs JavaScript" in page.locator("noscript").inner_text()


def test_plots_beside_each_other_share_a_legend(visit: Visitor, generated: Path) -> None:
    """Below each other every one has its own."""
    for width, shown in ((1200, 1), (700, 3)):
        page = visit(width=width).open(generated, "index.html")
        legends = page.locator(".plots.three").first.locator(".legend")
        assert [one.is_visible() for one in legends.all()].count(True) == shown


def test_print_leaves_out_what_cannot_be_pressed(visit: Visitor, generated: Path) -> None:
    # What A4 has between Chromium's margins.
    page = visit(width=718).open(generated, path_of(generated, "board"))
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator(".tools").is_hidden()
    assert page.locator("header nav").is_hidden()
    assert page.locator("table.board").first.is_visible()


def test_nothing_moves_for_who_asks_for_it(visit: Visitor, generated: Path) -> None:
    page = visit(reduced_motion="reduce").open(generated, "index.html")
    style = page.evaluate(
        "[...document.querySelectorAll('*')].map(e => getComputedStyle(e))"
        ".filter(s => s.scrollBehavior === 'smooth' || s.transitionDuration !== '0s'"
        " || s.animationName !== 'none').length"
    )
    assert style == 0
