"""From the store to a folder of static files. Same runs, same bytes."""

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import plotly
from sqlalchemy import make_url

from benchmark.errors import CallError
from benchmark.protocol import AnyProtocol, CodecProtocol
from benchmark.records import Run
from leaderboard.render.about import SUBMISSIONS, UNKNOWN, About, about_all
from leaderboard.render.boards import Board, board
from leaderboard.render.codec_boards import CodecBoard, codec_board
from leaderboard.render.codec_digest import CodecDigest
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.content import Content
from leaderboard.render.digests import code_key, digests
from leaderboard.render.entry import Entry, protocol_of
from leaderboard.render.files import write
from leaderboard.render.source import identities, path_of
from leaderboard.render.templates import SITE
from leaderboard.render.words import board_slug
from leaderboard.render.writer import is_current, refuse_strangers, writing
from leaderboard.store import Store
from leaderboard.store.copying import back_up
from leaderboard.store.database import SQLITE, Database
from leaderboard.store.store import COMPLETED

AnyEntry = TypeVar("AnyEntry", Entry, CodecEntry)
AnyBoard = TypeVar("AnyBoard", Board, CodecBoard)
CHANGELOG = SITE.parent / "CHANGELOG.md"


@dataclass(frozen=True)
class Options:
    """What the site is made with besides the runs.

    `url` is where it will stand (https), for the feed and the page of what is missing.
    `submissions` is the folder of manifests. `database` puts a copy of it beside the data.
    """

    url: str = ""
    submissions: Path = SUBMISSIONS
    database: bool = True


def render(store: Store, folder: Path, options: Options | None = None) -> Path:
    """Write the site into `folder`, whole or not at all; returns the folder.

    What is as it was is not made again; the digests of runs are kept beside the folder. The runs of
    a server are copied into a file first.
    """
    options = options or Options()
    _check(options)
    refuse_strangers(folder)
    with _without_collecting():
        return _from(store, folder, options)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Many runs are millions of objects and no cycles; looking for some costs a fifth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _from(store: Store, folder: Path, options: Options) -> Path:
    if make_url(store.url).get_backend_name() == SQLITE:
        return _rendered(store, folder, options)
    with TemporaryDirectory() as held:
        file = Path(held) / "runs.sqlite"
        back_up(Database(store.url), file)
        return _rendered(Store(str(file)), folder, options)


def _rendered(store: Store, folder: Path, options: Options) -> Path:
    database = path_of(store)
    keys = identities(database)
    about = about_all(options.submissions)
    look = _look()
    whole = hashlib.sha256(repr((keys, about, look, options)).encode()).hexdigest()
    if is_current(folder, whole):
        return folder
    content = _content(database, store.runs(), keys, about, folder)
    with writing(folder, whole) as writer:
        write(writer, content, look, options.url, database if options.database else None)
    return folder


def _check(options: Options) -> None:
    if options.url and not options.url.startswith("https://"):
        raise CallError(f"--url {options.url}: expected an address that begins with https://")


def _look() -> str:
    """A hash of all that pages are made with: code, templates, texts."""
    digest = hashlib.sha256(f"{plotly.__version__}:{code_key()}".encode())
    sources = [path for path in sorted(SITE.rglob("*")) if path.is_file()]
    for path in [*sorted(Path(__file__).parent.glob("*.py")), *sources, CHANGELOG]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _content(
    database: Path,
    runs: Sequence[Run],
    keys: Mapping[int, str],
    about: Mapping[str, About],
    folder: Path,
) -> Content:
    protocols = {run.id: protocol_of(run) for run in runs}
    readable: dict[int, AnyProtocol] = {
        run_id: found for run_id, found in protocols.items() if not isinstance(found, str)
    }
    done = [run for run in runs if run.status == COMPLETED and run.id in readable]
    wanted = [(run, readable[run.id].headline_threat) for run in done]
    cache = folder.with_name(f".{folder.name}-digests")
    digested = digests(database, wanted, dict(keys), cache)
    entries: dict[int, Entry] = {}
    coded: dict[int, CodecEntry] = {}
    for run in done:
        protocol, digest = readable[run.id], digested[run.id]
        said = about.get(run.header.submission, UNKNOWN)
        if isinstance(protocol, CodecProtocol) and isinstance(digest, CodecDigest):
            coded[run.id] = CodecEntry(run, protocol, digest, said)
        elif not isinstance(protocol, CodecProtocol) and not isinstance(digest, CodecDigest):
            entries[run.id] = Entry(run, protocol, digest, said)
    return Content(
        runs=tuple(runs),
        entries=entries,
        coded=coded,
        boards=tuple(_boards(runs, entries, board)),
        codec_boards=tuple(_boards(runs, coded, codec_board)),
        about=about,
        unreadable={i: why for i, why in protocols.items() if isinstance(why, str)},
        changelog=CHANGELOG,
        database=database,
    )


def _boards(
    runs: Sequence[Run],
    entries: Mapping[int, AnyEntry],
    make: Callable[[Sequence[AnyEntry], Sequence[Run]], AnyBoard],
) -> list[AnyBoard]:
    """Current protocols first, then by name."""
    groups: dict[str, list[AnyEntry]] = {}
    for entry in entries.values():
        groups.setdefault(board_slug(entry.run), []).append(entry)
    open_runs: dict[str, list[Run]] = {}
    for run in runs:
        if run.status != COMPLETED:
            open_runs.setdefault(board_slug(run), []).append(run)
    found = [make(group, open_runs.get(slug, [])) for slug, group in groups.items()]
    return sorted(found, key=lambda one: (not one.page.current, not one.tiers, one.page.slug))
