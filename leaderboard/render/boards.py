"""Boards: the runs of one protocol on one set of pictures, ranked."""

from collections.abc import Sequence

from benchmark.threat import ThreatModel
from leaderboard.render.curves import board_plots
from leaderboard.render.pages import (
    BoardPage,
    Scored,
    Section,
    board_slug,
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
        worst = found.worst.estimate if found else -1.0
        return (-worst, -one.scores[i].clean.estimate, one.run.header.entry)

    ranked = sorted(entries, key=key)
    return Section(
        classifier=classifier,
        rows=tuple(row_of(one, i, threat) for one in ranked if one.run.header.official),
        unofficial=tuple(row_of(one, i, threat) for one in ranked if not one.run.header.official),
        plots=board_plots(i, ranked, threat),
    )
