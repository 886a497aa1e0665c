"""Boards: the runs of one protocol on one set of pictures, in tiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from benchmark.protocol import built_in, load
from benchmark.records import Run
from benchmark.threat import Access, ThreatModel
from leaderboard.render.answers import answers
from leaderboard.render.codec_pages import CodecBoardPage
from leaderboard.render.curves import board_plots, rate_plots
from leaderboard.render.digest import Part
from leaderboard.render.entry import Entry, mean_figure, order, ranked
from leaderboard.render.figures import Plot, spark
from leaderboard.render.matched import CodecCurve, codec_curves, matched
from leaderboard.render.pages import BoardPage, PartOfRow, Row, StatusRow
from leaderboard.render.words import (
    ACCESSES,
    NOTHING,
    board_slug,
    count,
    day,
    entry_slug,
    milliseconds,
    percent,
    rate,
    size_in_words,
    threat_in_words,
)


@dataclass(frozen=True)
class Board:
    """A board with what pages other than its own need of it.

    `tiers` has the official entries, the best first, with their tier; `newest` every entry's newest
    run by its slug, `all` every run, `by_slug` every run of an entry, the oldest first.
    """

    page: BoardPage
    tiers: tuple[tuple[int, Entry], ...]
    newest: Mapping[str, Entry]
    all: tuple[Entry, ...]
    by_slug: Mapping[str, tuple[Entry, ...]]
    curves: tuple[CodecCurve, ...]


def board(entries: Sequence[Entry], unfinished: Sequence[Run]) -> Board:
    """The board of runs that share protocol and pictures; the newest run of each entry counts."""
    everything = sorted(entries, key=lambda entry: entry.run.id)
    newest = {entry_slug(entry.run): entry for entry in everything}
    official = [entry for entry in newest.values() if entry.run.header.official]
    full = [entry for entry in official if entry.images == official[0].images]
    tiers = ranked(full)
    curves = codec_curves([entry for _, entry in tiers])
    page = _page(tiers, list(newest.values()), unfinished, curves)
    by_slug = {slug: tuple(group) for slug, group in _by_slug(everything).items()}
    return Board(page, tuple(tiers), newest, tuple(everything), by_slug, tuple(curves))


def _by_slug(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry_slug(entry.run), []).append(entry)
    return groups


def _page(
    tiers: Sequence[tuple[int, Entry]],
    newest: Sequence[Entry],
    unfinished: Sequence[Run],
    curves: Sequence[CodecCurve],
) -> BoardPage:
    one = newest[0]
    header, threat = one.run.header, one.headline
    unofficial = sorted((e for e in newest if not e.run.header.official), key=order)
    columns = columns_of([*(entry for _, entry in tiers), *unofficial], threat)
    rows = tuple(row_of(entry, columns, f"{tier}") for tier, entry in tiers)
    best = [entry for _, entry in tiers] or unofficial
    return BoardPage(
        slug=board_slug(one.run),
        title=one.protocol.title,
        track=one.protocol.track,
        protocol=header.protocol,
        protocol_hash=header.protocol_hash,
        dataset=header.dataset,
        fingerprint=header.dataset_fingerprint,
        images=len(best[0].images),
        threat=threat_in_words(threat),
        size=size_in_words(threat),
        current=is_current(one.run),
        classifiers=tuple(record.name for record in header.classifiers),
        columns=tuple(ACCESSES[access] for access in columns),
        rows=rows,
        unofficial=tuple(row_of(entry, columns, "") for entry in unofficial),
        unfinished=tuple(status_row(run) for run in unfinished),
        answers=answers(tiers, curves),
        plots=_plots(best, curves, threat),
        matched=matched(curves),
    )


def _plots(
    best: Sequence[Entry], curves: Sequence[CodecCurve], threat: ThreatModel
) -> tuple[tuple[str, tuple[Plot, ...]], ...]:
    groups = (
        ("What it keeps, and at which rate", rate_plots(curves, threat)),
        ("As the attack grows", board_plots(best, threat)),
    )
    return tuple((heading, plots) for heading, plots in groups if plots)


def is_current(run: Run) -> bool:
    """Whether the run's protocol is one of the project's, as it is now."""
    return _hash(run.header.protocol) == run.header.protocol_hash


@lru_cache
def _hash(name: str) -> str:
    """The hash of the project's protocol of that name, empty if it has none."""
    return load(name).hash if name in built_in() else ""


def columns_of(entries: Sequence[Entry], threat: ThreatModel) -> tuple[Access, ...]:
    """The accesses that at least one entry has a figure for."""
    found = [part.score.at(threat) for entry in entries for part in entry.digest.parts]
    return tuple(
        access for access in ACCESSES if any(one and access in one.by_access for one in found)
    )


def row_of(entry: Entry, columns: Sequence[Access], tier: str) -> Row:
    """The row of a run."""
    header, parts = entry.run.header, entry.digest.parts
    flags = dict.fromkeys(flag.name for part in parts for flag in part.flags)
    bits = [part.score.bits_per_pixel for part in parts]
    return Row(
        tier=tier,
        entry=header.entry,
        submission=header.submission,
        title=header.title,
        link=f"entries/{entry_slug(entry.run)}.html",
        run_id=entry.run.id,
        kind=header.kind,
        learned=entry.about.learned,
        randomized=entry.randomized,
        clean=percent(mean_figure(entry, "clean")),
        robust=percent(mean_figure(entry, "worst")),
        curve=spark(_mean_curve(entry)),
        rate=rate(bits[0]),
        milliseconds=milliseconds(sum(part.score.milliseconds for part in parts) / len(parts)),
        parts=tuple(_part(part, columns, entry.headline) for part in parts),
        flags=tuple(flags),
        protocol=header.protocol,
        date=day(entry.run.started),
        challenged=any(part.challenges for part in parts),
        note=header.unofficial_reason or "",
    )


def _part(part: Part, columns: Sequence[Access], threat: ThreatModel) -> PartOfRow:
    found = part.score.at(threat)
    by_access = found.by_access if found else {}
    return PartOfRow(
        classifier=part.score.classifier,
        clean=percent(part.score.clean),
        by_access=tuple(percent(by_access.get(access)) for access in columns),
        worst=percent(found.worst) if found else NOTHING,
        challenged=percent(found.challenged) if found else NOTHING,
    )


def _mean_curve(entry: Entry) -> list[float]:
    """The worst case without attack and over the radii of the headline's norm."""
    norm, scores = entry.headline.norm, [part.score for part in entry.digest.parts]
    curve = [[score.clean.estimate for score in scores]]
    for i, found in enumerate(scores[0].robustness):
        if found.threat.norm is norm:
            curve.append([score.robustness[i].worst.estimate for score in scores])
    return [sum(values) / len(values) for values in curve]


def status_row(run: Run) -> StatusRow:
    """A run without figures."""
    detail = run.detail or {"running": "not finished yet"}.get(run.status, "")
    return StatusRow(run.id, run.header.entry, run.status, detail, day(run.started))


def summary(page: BoardPage | CodecBoardPage) -> str:
    """A board in one line."""
    entries = count(len(page.rows), "entry")
    return f"{entries} on {count(page.images, 'picture')} of {page.dataset}"
