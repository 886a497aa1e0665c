"""Boards: the runs of one protocol on one set of pictures, ranked."""

from collections.abc import Sequence

from benchmark.threat import ThreatModel
from leaderboard.render.curves import board_plots
from leaderboard.render.pages import (
    BoardPage,
    Scored,
    Section,
    board_slug,
    columns_of,
    protocol_of,
    row_of,
    threat_in_words,
)


def board_page(scored: Sequence[Scored]) -> BoardPage:
    """The board of runs that share protocol and pictures; the newest run of each entry counts."""
    newest = {one.run.header.entry: one for one in sorted(scored, key=lambda one: one.run.id)}
    header = scored[0].run.header
    protocol = protocol_of(scored[0].run)
    threat = protocol.headline_threat
    full = [one.run.header.images for one in scored if one.run.header.official]
    return BoardPage(
        slug=board_slug(scored[0].run),
        title=protocol.title,
        protocol=header.protocol,
        protocol_hash=header.protocol_hash,
        dataset=header.dataset,
        fingerprint=header.dataset_fingerprint,
        images=max(full, default=header.images),
        threat=threat_in_words(threat),
        sections=tuple(
            _section(i, record.name, list(newest.values()), threat)
            for i, record in enumerate(header.classifiers)
        ),
    )


def _section(i: int, classifier: str, entries: Sequence[Scored], threat: ThreatModel) -> Section:
    def key(one: Scored) -> tuple[float, float, str]:
        found = one.scores[i].at(threat)
        known = (found.worst, found.challenged) if found else ()
        worst = min((figure.estimate for figure in known if figure), default=-1.0)
        return (-worst, -one.scores[i].clean.estimate, one.run.header.entry)

    ranked = sorted(entries, key=key)
    rows = [(one.run.header.official, row_of(one, i, threat)) for one in ranked]
    return Section(
        classifier=classifier,
        columns=columns_of(row for _, row in rows),
        rows=tuple(row for official, row in rows if official),
        unofficial=tuple(row for official, row in rows if not official),
        plots=board_plots(i, ranked, threat),
    )
