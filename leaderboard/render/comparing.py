"""Runs as the page that compares reads them: scripts, so that it works without a server."""

import json
from collections.abc import Sequence

from leaderboard.render.axes import Axis
from leaderboard.render.boards import Board
from leaderboard.render.curves import over_eps, radius_label
from leaderboard.render.entry import Entry
from leaderboard.render.figures import Plot, plot
from leaderboard.render.words import board_slug, entry_slug


def boards_for_comparing(boards: Sequence[Board]) -> str:
    """The boards that have two entries, with their entries, as JSON that may stand in a page."""
    listed = [
        {
            "slug": board.page.slug,
            "title": board.page.title,
            "threat": board.page.threat,
            "entries": [[e.run.id, e.run.header.entry, tier] for tier, e in board.tiers],
        }
        for board in boards
        if len(board.tiers) > 1
    ]
    return json.dumps(listed, separators=(",", ":")).replace("<", "\\u003c")


def for_comparing(entry: Entry) -> bytes:
    """The script that hands a run over."""
    content = {
        "id": entry.run.id,
        "entry": entry.run.header.entry,
        "board": board_slug(entry.run),
        "page": f"entries/{entry_slug(entry.run)}.html",
        "draws": entry.draws,
        "parts": [
            {
                "classifier": part.score.classifier,
                "clean": _packed(part.images.clean),
                "transfer": _packed(part.images.transfer),
                "worst": _packed(part.images.worst),
                **_curve(entry, i),
            }
            for i, part in enumerate(entry.digest.parts)
        ],
    }
    packed = json.dumps(content, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"squeezebench.run({packed});\n".encode()


def images_for_comparing(images: Sequence[str]) -> bytes:
    """The names of a board's images, in order."""
    packed = json.dumps(list(images), separators=(",", ":")).replace("<", "\\u003c")
    return f"squeezebench.images({packed});\n".encode()


def _packed(shares: Sequence[float]) -> str | list[float]:
    """Shares of 0 and 1 as a string of digits, others as they are."""
    if set(shares) <= {0.0, 1.0}:
        return "".join(str(int(share)) for share in shares)
    return [round(share, 4) for share in shares]


def frames_for_comparing(boards: Sequence[Board]) -> tuple[tuple[str, tuple[Plot, ...]], ...]:
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


def _curve(entry: Entry, i: int) -> dict[str, str]:
    """The worst case in the pixels of its board's axes, and its band."""
    (line,) = _plot(entry, i).lines
    return {"line": line.points, "band": line.band}
