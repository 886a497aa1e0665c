"""Boards: the runs of one protocol on one set of pictures, in tiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmark.records import Run
from benchmark.threat import Access, ThreatModel
from leaderboard.render.answers import answers
from leaderboard.render.codec_pages import CodecBoardPage
from leaderboard.render.curves import board_plots, rate_plot, rate_plots
from leaderboard.render.digest import Part
from leaderboard.render.entry import Entry, mean_figure, order, ranked
from leaderboard.render.figures import Plot, spark
from leaderboard.render.heads import Group, board_head, by_slug, newest_of, row_head, status_row
from leaderboard.render.matched import CodecCurve, codec_curves, matched
from leaderboard.render.pages import BoardPage, PartOfRow, Row
from leaderboard.render.presets import presets
from leaderboard.render.words import ACCESSES, NOTHING, count, milliseconds, percent, rate


@dataclass(frozen=True)
class Board(Group[Entry]):
    """A board with what pages other than its own need of it."""

    page: BoardPage
    curves: tuple[CodecCurve, ...]

    @cached_property
    def rate_plots(self) -> Mapping[int, tuple[Plot, ...]]:
        """Of every run that is a point of a codec's curve, the curve, drawn once."""
        found: dict[int, tuple[Plot, ...]] = {}
        for curve in self.curves:
            if len(curve.entries) > 1:
                drawn = (rate_plot(curve, curve.entries[0].headline),)
                found |= {entry.run.id: drawn for entry in curve.entries}
        return found


def board(entries: Sequence[Entry], unfinished: Sequence[Run]) -> Board:
    """The board of runs that share protocol and pictures; the newest run of each entry counts."""
    groups = by_slug(entries)
    newest = newest_of(groups)
    official = [entry for entry in newest.values() if entry.run.header.official]
    tiers = ranked([entry for entry in official if entry.images == official[0].images])
    curves = codec_curves([entry for _, entry in tiers])
    page = _page(tiers, list(newest.values()), unfinished, curves)
    return Board(tuple(tiers), groups, page, tuple(curves))


def _page(
    tiers: Sequence[tuple[int, Entry]],
    newest: Sequence[Entry],
    unfinished: Sequence[Run],
    curves: Sequence[CodecCurve],
) -> BoardPage:
    one = newest[0]
    threat = one.headline
    unofficial = sorted((e for e in newest if not e.run.header.official), key=order)
    columns = columns_of([*(entry for _, entry in tiers), *unofficial], threat)
    best = [entry for _, entry in tiers] or unofficial
    rows = tuple(row_of(entry, columns, f"{tier}") for tier, entry in tiers)
    return BoardPage(
        **vars(board_head(one, len(best[0].images))),
        classifiers=tuple(record.name for record in one.run.header.classifiers),
        columns=tuple(ACCESSES[access] for access in columns),
        rows=rows,
        unofficial=tuple(row_of(entry, columns, "") for entry in unofficial),
        unfinished=tuple(status_row(run) for run in unfinished),
        answers=answers(tiers, curves),
        plots=_plots(best, curves, threat),
        matched=matched(curves),
        presets=presets(rows),
    )


def _plots(
    best: Sequence[Entry], curves: Sequence[CodecCurve], threat: ThreatModel
) -> tuple[tuple[str, tuple[Plot, ...]], ...]:
    groups = (
        ("What it keeps, and at which rate", rate_plots(curves, threat)),
        ("As the attack grows", board_plots(best, threat)),
    )
    return tuple((heading, plots) for heading, plots in groups if plots)


def columns_of(entries: Sequence[Entry], threat: ThreatModel) -> tuple[Access, ...]:
    """The accesses that at least one entry has a figure for."""
    found = [part.score.at(threat) for entry in entries for part in entry.digest.parts]
    return tuple(
        access for access in ACCESSES if any(one and access in one.by_access for one in found)
    )


def row_of(entry: Entry, columns: Sequence[Access], tier: str) -> Row:
    """The row of a run."""
    parts = entry.digest.parts
    return Row(
        **vars(row_head(entry, tier)),
        clean=percent(mean_figure(entry, "clean")),
        robust=percent(mean_figure(entry, "worst")),
        curve=spark(_mean_curve(entry)),
        rate=rate(parts[0].score.bits_per_pixel),
        milliseconds=milliseconds(sum(part.score.milliseconds for part in parts) / len(parts)),
        parts=tuple(_part(part, columns, entry.headline) for part in parts),
        challenged=any(part.challenges for part in parts),
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


def summary(page: BoardPage | CodecBoardPage) -> str:
    """A board in one line."""
    entries = count(len(page.rows), "entry")
    return f"{entries} on {count(page.images, 'picture')} of {page.dataset}"
