"""Codecs beside each other in a real browser, against the library's own figures."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.comparison import paired_difference, paired_p
from leaderboard.render.render import render
from leaderboard.store import Store
from tests.leaderboard.test_render_codec import add
from tests.site.conftest import Visitor
from tests.site.test_pages import complaints

FIRST, SECOND = (1.2, 2.0, 3.1, 1.5, 2.5), (1.3, 1.6, 1.9, 1.2, 1.4)
# Both lose 5 dB of every picture.
LOSSES = ["PSNR loss", "0.00 dB", "0.00 to 0.00", "0", "0", "1.0000", "no", "i0: 0.00 dB"]


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of two codecs whose inflation is known picture by picture."""
    folder = tmp_path_factory.mktemp("coded")
    store = Store(str(folder / "r.db"), create=True)
    for variant, inflation in (("first", FIRST), ("second", SECOND)):
        add(store, variant=variant, inflation=inflation)
    return render(store, folder / "site")


def bounds(said: str) -> list[float]:
    return [float(bound) for bound in said.split(" to ")]


def test_codecs_are_compared_as_the_library_compares_them(visit: Visitor, coded: Path) -> None:
    seen = visit()
    page = seen.open(coded, "compare.html#c-h-f=1,2")
    table = page.get_by_role("region", name="Paired differences")
    table.wait_for()
    rate, psnr = (row.locator("th, td").all_inner_texts() for row in table.locator("tr").all()[1:])
    one, other = np.log(FIRST), np.log(SECOND)
    expected = paired_difference(one, other)
    assert rate[:3] == ["s/first against s/second", "rate inflation", "1.33×"]
    assert float(rate[2].removesuffix("×")) == pytest.approx(np.exp(expected.estimate), abs=0.005)
    # Two streams of random numbers: the same interval to within their noise.
    assert bounds(rate[3]) == pytest.approx(np.exp([expected.low, expected.high]), abs=0.1)
    assert rate[4:7] == ["4", "1", f"{paired_p(one - other, None):.4f}"]
    assert rate[7:] == ["no", "i4: 1.79×"]
    assert [said.replace("\xa0", " ") for said in psnr] == LOSSES
    assert page.locator(".plot > svg").count() == 2
    assert seen.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_quiet(visit: Visitor, coded: Path, scheme: str) -> None:
    name, path = f"compare-codecs-{scheme}", "compare.html#c-h-f=1,2"
    assert complaints(visit, coded, path, name, color_scheme=scheme) == []


def test_codecs_are_searched_and_filtered_as_defenses_are(visit: Visitor, coded: Path) -> None:
    seen = visit()
    page = seen.open(coded, "boards/c-h-f.html")
    page.get_by_label("Search").fill("second")
    rows = page.locator("table.board tbody tr:visible th a")
    assert rows.all_inner_texts() == ["s/second"]
    assert "1 of 2 entries" in page.locator(".state [role=status]").inner_text()
    # A link to a part of the page leaves the view as it is.
    page.locator(".jumps").get_by_role("link", name="Rate and distortion").click()
    assert rows.all_inner_texts() == ["s/second"]
    page.get_by_label("Search").fill("")
    page.get_by_label("Bits per pixel at most").fill("0.5")
    assert rows.count() == 0
    assert seen.said == []


def test_an_entry_leads_to_its_comparison(visit: Visitor, coded: Path) -> None:
    page = visit().open(coded, "entries/s/first.html")
    page.get_by_role("link", name="compare it with others").click()
    page.get_by_label("Entry 1").wait_for()
    assert page.get_by_label("Entry 1").input_value() == "1"
    assert "Choose two" in page.locator("#said").inner_text()
