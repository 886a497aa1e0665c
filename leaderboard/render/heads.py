"""What boards, rows and runs of both tracks have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from benchmark.protocol import built_in, load
from benchmark.records import Run
from leaderboard.render.judged import JudgedRun
from leaderboard.render.pages import BoardHead, HistoryRow, RowHead, StatusRow
from leaderboard.render.words import (
    Figure,
    board_slug,
    day,
    entry_slug,
    size_in_words,
    threat_in_words,
)

E = TypeVar("E", bound=JudgedRun[Any, Any])


@dataclass(frozen=True)
class Group(Generic[E]):
    """Runs that share protocol and pictures.

    `tiers` has the official entries, the best first, with their tier; `by_slug` every run of an
    entry, the oldest first.
    """

    tiers: tuple[tuple[int, E], ...]
    by_slug: Mapping[str, tuple[E, ...]]

    @cached_property
    def all(self) -> tuple[E, ...]:
        """Every run, the oldest first."""
        every = [entry for entries in self.by_slug.values() for entry in entries]
        return tuple(sorted(every, key=lambda entry: entry.run.id))

    @cached_property
    def newest(self) -> Mapping[str, E]:
        """Every entry's newest run, by its slug."""
        return newest_of(self.by_slug)

    def tier(self, entry: E) -> str:
        """The tier of a run; empty for what is not ranked."""
        return self._tier_by_run.get(entry.run.id, "")

    @cached_property
    def _tier_by_run(self) -> Mapping[int, str]:
        return {entry.run.id: str(tier) for tier, entry in self.tiers}


def by_slug(entries: Sequence[E]) -> Mapping[str, tuple[E, ...]]:
    """The runs of each entry, the oldest first."""
    groups: dict[str, list[E]] = {}
    for entry in sorted(entries, key=lambda entry: entry.run.id):
        groups.setdefault(entry_slug(entry.run), []).append(entry)
    return {slug: tuple(group) for slug, group in groups.items()}


def newest_of(groups: Mapping[str, tuple[E, ...]]) -> Mapping[str, E]:
    """The last run of each."""
    return {slug: group[-1] for slug, group in groups.items()}


def board_head(one: JudgedRun[Any, Any], images: int) -> BoardHead:
    """The head of the board that a run stands on."""
    header = one.run.header
    return BoardHead(
        slug=board_slug(one.run),
        title=one.protocol.title,
        track=one.protocol.track,
        protocol=header.protocol,
        protocol_hash=header.protocol_hash,
        dataset=header.dataset,
        fingerprint=header.dataset_fingerprint,
        images=images,
        threat=threat_in_words(one.headline),
        size=size_in_words(one.headline),
        current=is_current(one.run),
    )


def head_of(page: BoardHead) -> BoardHead:
    """The head alone, so that what names a board does not depend on all of its rows."""
    return BoardHead(**{field.name: getattr(page, field.name) for field in fields(BoardHead)})


def row_head(entry: JudgedRun[Any, Any], tier: str) -> RowHead:
    """The head of a run's row."""
    header = entry.run.header
    return RowHead(
        tier=tier,
        entry=header.entry,
        title=header.title,
        link=f"entries/{entry_slug(entry.run)}.html",
        run_id=entry.run.id,
        kind=header.kind,
        learned=entry.about.learned,
        randomized=entry.randomized,
        flags=entry.flags,
        protocol=header.protocol,
        date=day(entry.run.started),
        note=header.unofficial_reason or "",
    )


def history(entries: Sequence[E], figure: Callable[[E], Figure]) -> tuple[HistoryRow, ...]:
    """The runs of an entry under one protocol, the newest first, with one figure each."""
    return tuple(
        HistoryRow(
            one.run.id,
            day(one.run.started),
            one.run.status,
            figure(one),
            one.run.header.unofficial_reason or "",
        )
        for one in reversed(entries)
    )


def status_row(run: Run) -> StatusRow:
    """A run without figures."""
    detail = run.detail or {"running": "not finished yet"}.get(run.status, "")
    return StatusRow(run.id, run.header.entry, run.status, detail, day(run.started))


def is_current(run: Run) -> bool:
    """Whether the run's protocol is one of the project's, as it is now."""
    return _hash(run.header.protocol) == run.header.protocol_hash


@lru_cache
def _hash(name: str) -> str:
    """The hash of the project's protocol of that name, empty if it has none."""
    return load(name).hash if name in built_in() else ""
