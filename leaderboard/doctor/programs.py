"""Programs and packages that are no dependency, and what lacks without them."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from leaderboard.doctor.row import Row

VVC = {"vvencapp": "SQUEEZEBENCH_VVENCAPP", "vvdecapp": "SQUEEZEBENCH_VVDECAPP"}
EXTRAS = {"heif": ("pillow_heif", "HEIC"), "jxl": ("pillow_jxl", "JPEG XL")}


def codecs() -> Iterator[Row]:
    """What single codecs need."""
    for extra, (module, codec) in EXTRAS.items():
        ok = find_spec(module) is not None
        remedy = f'{codec} is left out; pip install "squeezebench[{extra}]"'
        yield Row("codecs", extra, ok, f"{codec} is there" if ok else remedy)
    for name, variable in VVC.items():
        given = os.environ.get(variable, name)
        found = shutil.which(given)
        remedy = (
            f"{given} is not found, so VVC is left out; build VVenC and VVdeC of Fraunhofer HHI, "
            f"and put {name} on PATH or its path into {variable}"
        )
        yield Row("codecs", name, found is not None, found or remedy)


def service() -> Iterator[Row]:
    """What the site, its tests and the way of a pull request need."""
    yield _program("git", ("git",), "the rehearsal and publishing", "apt-get install git")
    names = ("chromium", "chromium-browser", "google-chrome")
    yield _program("chromium", names, "the tests of the site", "apt-get install chromium")
    ok = find_spec("psycopg") is not None
    remedy = 'only SQLite is there; pip install "psycopg[binary]" for a database server'
    yield Row("service", "postgresql", ok, "its driver psycopg is there" if ok else remedy)
    yield _linter("actionlint")
    yield _linter("zizmor")


def _program(part: str, names: tuple[str, ...], what: str, remedy: str) -> Row:
    found = next((path for name in names if (path := shutil.which(name))), None)
    return Row("service", part, found is not None, found or f"lacks for {what}; {remedy}")


def _linter(name: str) -> Row:
    beside = shutil.which(name) or shutil.which(name, path=str(_scripts()))
    remedy = "lacks for the tests of the workflows; see CONTRIBUTING.md"
    return Row("service", name, beside is not None, beside or remedy)


def _scripts() -> Path:
    """Where the programs of this environment lie."""
    return Path(sys.prefix) / "bin"
