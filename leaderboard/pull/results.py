"""What was measured of a pull request, beside what its manifest claimed."""

from collections.abc import Iterator

from benchmark.records import Interval, Run
from benchmark.score import Score, score
from benchmark.threat import ThreatModel
from leaderboard.check.words import code
from leaderboard.submission import Claim, Manifest

MARKER = "<!-- squeezebench evaluation -->"


def announcement(run: Run, manifest: Manifest | None, threat: ThreatModel) -> str:
    """A comment with the scores of a run, and the claims beside them."""
    header = run.header
    standing = "official" if header.official else f"unofficial: {header.unofficial_reason}"
    lines = [
        MARKER,
        f"### Evaluated: {code(header.entry)} under {code(header.protocol)}",
        "",
        f"{header.images} pictures, {code(standing)}.",
        "",
    ]
    claim = manifest.claims.get(header.variant) if manifest else None
    for record in header.classifiers:
        found = score(run, record.name)
        robust = found.at(threat)
        said = [f"clean {_percent(found.clean)}"]
        if robust is not None:
            said.append(f"worst case at {threat} {_percent(robust.worst)}")
        if found.bits_per_pixel is not None:
            said.append(f"{found.bits_per_pixel.estimate:.3f} bits a pixel")
        lines.append(f"* {code(record.name)}: {', '.join(said)}")
        if claim is not None and _is_about(claim, header.protocol, record.name):
            lines += [f"  * {said}" for said in compared(claim, found, threat)]
    return "\n".join(lines) + "\n"


def _is_about(claim: Claim, protocol: str, classifier: str) -> bool:
    return claim.protocol == protocol and claim.classifier in (None, classifier)


def compared(claim: Claim, found: Score, threat: ThreatModel) -> Iterator[str]:
    """Each claim beside what was measured; it holds where it lies inside of the interval."""
    robust = found.at(threat)
    pairs = (
        ("clean accuracy", claim.clean_accuracy, found.clean),
        ("robust accuracy", claim.robust_accuracy, robust.worst if robust else None),
        ("bits a pixel", claim.bits_per_pixel, found.bits_per_pixel),
    )
    for name, claimed, measured in pairs:
        if claimed is None:
            continue
        if measured is None:
            yield f"claimed {name} {claimed:g}: not measured"
            continue
        inside = measured.low <= claimed <= measured.high
        verdict = "agrees with" if inside else "does not agree with"
        bounds = f"[{measured.low:.3f}, {measured.high:.3f}]"
        yield f"claimed {name} {claimed:g} {verdict} {measured.estimate:.3f} {bounds}"


def _percent(interval: Interval) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.estimate:.1f} % [{low:.0f}, {high:.0f}]"
