"""Runs as the page that compares reads them: scripts, so that it works without a server."""

import json
from collections.abc import Sequence

from leaderboard.render.boards import Board
from leaderboard.render.entry import Entry
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
                "curve": _curve(entry, i),
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


def _curve(entry: Entry, i: int) -> list[list[float]]:
    """Radius, accuracy and bounds of the worst case in the headline's norm."""
    score, norm = entry.digest.parts[i].score, entry.headline.norm
    points = [(0.0, score.clean)]
    points += [(f.threat.radius, f.worst) for f in score.robustness if f.threat.norm is norm]
    return [[x, *(round(v, 4) for v in (y.estimate, y.low, y.high))] for x, y in points]
