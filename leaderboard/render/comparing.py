"""Runs as the page that compares reads them: scripts, so that it works without a server."""

import json
from collections.abc import Mapping, Sequence

from benchmark.threat import Access, ThreatModel
from leaderboard.render.axes import Axis
from leaderboard.render.boards import Board
from leaderboard.render.codec_boards import CodecBoard
from leaderboard.render.codec_entry import CodecEntry
from leaderboard.render.curves import over_eps, radius_label
from leaderboard.render.digest import Part
from leaderboard.render.entry import Entry
from leaderboard.render.figures import Plot, plot
from leaderboard.render.words import Figure, board_slug, entry_slug, percent, rate

Frames = tuple[tuple[str, tuple[Plot, ...]], ...]
"""Of each board, by its slug, the axes that the curves of its entries share."""


def boards_for_comparing(boards: Sequence[Board | CodecBoard]) -> str:
    """The boards that have two entries, with their entries, as JSON that may stand in a page."""
    listed = [
        {
            "slug": board.page.slug,
            "title": board.page.title,
            "track": board.page.track,
            "threat": board.page.threat,
            "entries": [[e.run.id, e.run.header.entry, tier] for tier, e in board.tiers],
        }
        for board in boards
        if len(board.tiers) > 1
    ]
    return json.dumps(listed, separators=(",", ":")).replace("<", "\\u003c")


def for_comparing(entry: Entry) -> bytes:
    """The script that hands a run over."""
    parts = [
        {
            "classifier": part.score.classifier,
            "shown": [pair(figure) for figure in _figures(part, entry.headline)],
            "worst": _packed(part.images.worst),
        }
        for part in entry.digest.parts
    ]
    plots = [_plot(entry, i) for i in range(len(parts))]
    return handed_over(entry, plots, {"draws": entry.draws, "parts": parts})


def handed_over(
    entry: Entry | CodecEntry, plots: Sequence[Plot], content: Mapping[str, object]
) -> bytes:
    """The script that hands over a run of either track, with the curve of each of the plots."""
    head: dict[str, object] = {
        "id": entry.run.id,
        "entry": entry.run.header.entry,
        "board": board_slug(entry.run),
        "page": f"entries/{entry_slug(entry.run)}.html",
        "curves": [{"line": one.lines[0].points, "band": one.lines[0].band} for one in plots],
    }
    packed = json.dumps({**head, **content}, sort_keys=True, separators=(",", ":"))
    packed = packed.replace("<", "\\u003c")
    return f"squeezebench.run({packed});\n".encode()


def pair(figure: Figure) -> tuple[str, str]:
    """A figure as it is shown, and its bounds."""
    return figure.value, figure.bounds


def _figures(part: Part, threat: ThreatModel) -> tuple[Figure, ...]:
    """What stands first of a run: clean, transfer and worst-case accuracy, and the rate."""
    found = part.score.at(threat)
    return (
        percent(part.score.clean),
        percent(found.by_access.get(Access.TRANSFER) if found else None),
        percent(found.worst if found else None),
        rate(part.score.bits_per_pixel),
    )


def images_for_comparing(images: Sequence[str]) -> bytes:
    """The names of a board's images, in order."""
    packed = json.dumps(list(images), separators=(",", ":")).replace("<", "\\u003c")
    return f"squeezebench.images({packed});\n".encode()


def _packed(shares: Sequence[float]) -> str | list[float]:
    """Shares of 0 and 1 as a string of digits, others as they are."""
    if set(shares) <= {0.0, 1.0}:
        return "".join(str(int(share)) for share in shares)
    return [round(share, 4) for share in shares]


def frames_for_comparing(boards: Sequence[Board]) -> Frames:
    """Of every board that has two entries the axes of its curves, before each classifier.

    All of its entries were attacked alike, so the curves of any one of them have these axes.
    """
    return tuple(
        (
            board.page.slug,
            tuple(_plot(board.tiers[0][1], i) for i in range(len(board.page.classifiers))),
        )
        for board in boards
        if len(board.tiers) > 1
    )


def _plot(entry: Entry, i: int) -> Plot:
    score, norm = entry.digest.parts[i].score, entry.headline.norm
    title = f"Worst case over the size of the attack, {score.classifier}"
    line = over_eps(entry.run.header.entry, score, norm, None)
    return plot(title, "", Axis(radius_label(norm)), [line])
