"""Sites to look at, and a real browser to look with."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from leaderboard.render.render import Options, render
from leaderboard.store import Store
from tests.leaderboard.commands import SUBMISSIONS, succeed
from tests.leaderboard.test_render import HOSTILE, add
from tests.site.generated import database

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PATIENCE_MS = 120_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    if shutil.which(CHROMIUM) is None:
        reason = f"{CHROMIUM} is missing; apt-get install chromium, or set CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page, with all that it asked for and all that it said."""

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, site: Path, path: str) -> Page:
        """The page at `path` of the site, read from disk."""
        file, mark, place = path.partition("#")
        self.page.goto((site / file).as_uri() + mark + place)
        return self.page


@dataclass
class Visitor:
    """Opens pages in fresh contexts."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(self, width: int = 1280, height: int = 900, **options: object) -> Visit:
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            accept_downloads=True,
            **options,  # type: ignore[arg-type]
        )
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        visit = Visit(context.new_page())
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("console", lambda message: visit.said.append(message.text))
        visit.page.on("pageerror", lambda error: visit.said.append(str(error)))
        visit.page.on("dialog", lambda dialog: visit.said.append(f"dialog {dialog.message}"))
        return visit


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visitor]:
    """Makes visits, and ends them."""
    visitor = Visitor(chromium)
    yield visitor
    for context in visitor.contexts:
        context.close()


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of 80 made-up runs: 72 entries, some randomized, failed, flagged, unofficial."""
    folder = tmp_path_factory.mktemp("generated")
    return render(database(folder / "runs.db", 80), folder / "site")


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of real evaluations: two variants of JPEG and no defense, 8 pictures each."""
    folder = tmp_path_factory.mktemp("evaluated")
    db = folder / "runs.db"
    protocol = folder / "tiny.toml"
    protocol.write_text(TINY)
    for name, *variants in (("identity", "none"), ("jpeg", "q25", "q75")):
        chosen = [word for variant in variants for word in ("--variant", variant)]
        place = ("--protocol", protocol, "--db", db, "--workers", 1)
        succeed("evaluate", SUBMISSIONS / name, *chosen, *place)
    succeed("render", "--db", db, "--out", folder / "site")
    return folder / "site"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose every name is an attack, with a failed run and one of an unknown protocol."""
    folder = tmp_path_factory.mktemp("hostile")
    store = Store(str(folder / "r.db"), create=True)
    names = dict.fromkeys(("submission", "title", "kind", "dataset", "protocol"), HOSTILE)
    for variant in (HOSTILE, "../" + HOSTILE, "=1+1"):
        add(store, variant=variant, parameters={HOSTILE: HOSTILE}, **names)
    add(store, status="failed", **names)
    add(store, variant="v", unofficial_reason=HOSTILE, **names)
    add(store, variant="v", protocol_content={"schema": HOSTILE})
    return render(store, folder / "site", Options())


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a database without a run."""
    folder = tmp_path_factory.mktemp("empty")
    return render(Store(str(folder / "r.db"), create=True), folder / "site")


TINY = """
schema = 1
name = "tiny"
title = "Tiny, really evaluated"
seed = 5
batch = 8

[dataset]
name = "shapes"
sample = 8

[[classifier]]
name = "mini-resnet"
source = "bundled"
architecture = "mini-resnet"

[[cell]]
attack = "pgd"
access = "transfer"
radii = [2, 4]
steps = 5

[[cell]]
attack = "fgsm"
access = "white-box"
radii = [2, 4]
"""
