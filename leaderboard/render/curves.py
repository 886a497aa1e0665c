"""Accuracy over the size of an attack, and over rate, as plots."""

from collections.abc import Sequence

from benchmark.records import Interval
from benchmark.score import Score
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.render.figures import Plot, Series, plot
from leaderboard.render.pages import Scored, percent, threat_in_words

ACCESSES = (
    (Access.TRANSFER, "transfer"),
    (Access.QUERY, "query"),
    (Access.WHITE_BOX, "white-box"),
    (Access.EOT, "white-box, averaged over draws"),
)


def board_plots(i: int, ranked: Sequence[Scored], threat: ThreatModel) -> tuple[Plot, ...]:
    """Every entry of a board before its classifier number `i`."""
    plots = []
    for access, words in ((Access.TRANSFER, "under transfer"), (None, "in the worst case")):
        lines = [
            _over_eps(one.run.header.entry, one.scores[i], threat.norm, access) for one in ranked
        ]
        lines = [line for line in lines if len(line.x) > 1]
        if lines:
            sentence = "Share of images still right as the allowed perturbation grows."
            title = f"Accuracy {words}"
            plots.append(plot(title, sentence, _radius_label(threat.norm), lines))
    plots += _rate_plots(i, ranked, threat)
    return tuple(plots)


def entry_plots(score: Score, threat: ThreatModel) -> tuple[Plot, ...]:
    """One entry under every access; none if the protocol has no attack in this norm."""
    lines = [_over_eps(words, score, threat.norm, access) for access, words in ACCESSES]
    lines.append(_over_eps("worst case", score, threat.norm, None))
    lines = [line for line in lines if len(line.x) > 1]
    if not lines:
        return ()
    found = score.at(threat)
    worst = percent(found.worst if found else None).value
    sentence = (
        f"{percent(score.clean).value} % right without attack, {worst} % under every attack at "
        f"{threat_in_words(threat)}; bands are 95 % intervals."
    )
    return (
        plot("Accuracy over the size of the attack", sentence, _radius_label(threat.norm), lines),
    )


def _radius_label(norm: Norm) -> str:
    return "largest change of a pixel, in 1/255" if norm is Norm.LINF else "L2 radius"


def _over_eps(name: str, score: Score, norm: Norm, access: Access | None) -> Series:
    """Accuracy from no attack (0) over the radii of `norm`; worst case if `access` is None."""
    points = [(0.0, score.clean)]
    for found in score.robustness:
        shown = found.worst if access is None else found.by_access.get(access)
        if found.threat.norm is norm and shown is not None:
            points.append((found.threat.radius, shown))
    return Series(
        name=name,
        x=tuple(x for x, _ in points),
        y=tuple(y.estimate for _, y in points),
        low=tuple(y.low for _, y in points),
        high=tuple(y.high for _, y in points),
    )


def _rate_plots(i: int, entries: Sequence[Scored], threat: ThreatModel) -> list[Plot]:
    """Accuracy over bits per pixel, for each submission with two or more rate points."""
    by_name: dict[str, list[Scored]] = {}
    for one in entries:
        if one.scores[i].bits_per_pixel is not None:
            by_name.setdefault(one.run.header.submission, []).append(one)
    return [
        _rate_plot(i, name, points, threat) for name, points in by_name.items() if len(points) > 1
    ]


def _rate_plot(i: int, name: str, entries: Sequence[Scored], threat: ThreatModel) -> Plot:
    def shown(score: Score) -> dict[str, Interval]:
        found = score.at(threat)
        values = {"no attack": score.clean}
        if found and Access.TRANSFER in found.by_access:
            values["transfer"] = found.by_access[Access.TRANSFER]
        if found:
            values["worst case"] = found.worst
        return values

    def rate(score: Score) -> float:
        return score.bits_per_pixel.estimate if score.bits_per_pixel else 0.0

    scores = sorted((one.scores[i] for one in entries), key=rate)
    lines = [
        Series(
            label,
            tuple(rate(score) for score in scores),
            tuple(shown(score)[label].estimate for score in scores),
            tuple(shown(score)[label].low for score in scores),
            tuple(shown(score)[label].high for score in scores),
        )
        for label in shown(scores[0])
    ]
    sentence = f"Each point is a rate of {name}; attacks at {threat_in_words(threat)}."
    return plot(f"{name}: accuracy over rate", sentence, "bits per pixel, real bytes", lines)
