"""Rules on what the probes measured (see `benchmark.probes` for the names)."""

from benchmark.flags.evidence import ERRORS, Evidence, per_cent
from benchmark.score import wilson

NOISE = 1e-4
"""Largest difference of two calls that counts as arithmetic: a fortieth of a grey level.

Of a classifier that is submitted, it is one of probabilities.
"""
COHERENT = 0.8
"""Share of images on which a step along the gradient must do better than the opposite one.

Of the honest defenses here the worst has 0.93 (JPEG at quality 5), most have 1; ten-fold JPEG with
the polynomial surrogate has 0.65.
"""
COLLAPSE = 0.4
"""What a flip or a shift must cost beyond what it costs the bare classifier.

It costs JPEG at quality 5, of whose pictures many are barely right, up to 0.27.
"""
SURROGATE_ERROR = (4 / 255) ** 2
"""Mean squared error below which a surrogate is near enough, whatever the defense does."""
RATE_ERROR = 0.1
"""Relative error of the likelihood's bits."""


def zero_gradient(evidence: Evidence) -> str | None:
    """The declared gradient is exactly zero."""
    zero = evidence.diagnostics.get("gradient_zero", 0)
    if not zero:
        return None
    asked = evidence.diagnostics["gradient_images"]
    return f"The declared gradient is exactly 0 for {zero:.0f} of {asked:.0f} pictures."


def contradicted_gradient(evidence: Evidence) -> str | None:
    """Finite differences contradict the declared gradient."""
    rises = round(evidence.diagnostics.get("gradient_rises", 0))
    moved = rises + round(evidence.diagnostics.get("gradient_falls", 0))
    if not moved or wilson(rises, moved).high >= COHERENT:
        return None
    return (
        f"A step of 2/255 along the declared gradient raises the loss more than the opposite step "
        f"for only {rises} of {moved} pictures."
    )


def undeclared_randomness(evidence: Evidence) -> str | None:
    """Two immediate calls on the same pictures differ."""
    largest = evidence.diagnostics.get("randomness_max", 0)
    if largest <= NOISE:
        return None
    return f"Two calls on the same pictures differ by up to {largest:.2g} on a scale of 0 to 1."


def stateful(evidence: Evidence) -> str | None:
    """Answers change with what was asked in between; where chance changes them, unknown."""
    if undeclared_randomness(evidence):
        return None
    found = (
        _changed(
            evidence,
            "stateful",
            "when they were asked again at the end, one by one, in reversed order",
        ),
        _changed(
            evidence,
            "reordered",
            "from an instance that was asked in another, secret order, "
            "or from the one that was attacked",
        ),
    )
    return " ".join(sentence for sentence in found if sentence) or None


def _changed(evidence: Evidence, name: str, when: str) -> str | None:
    changed = evidence.diagnostics.get(f"{name}_images", 0)
    if not changed:
        return None
    asked = evidence.diagnostics[f"{name}_asked"]
    return f"{changed:.0f} of {asked:.0f} pictures got other logits {when}."


def memorises(evidence: Evidence) -> str | None:
    """A flip or a shift costs far more before the defense than before the bare classifier."""
    n = evidence.diagnostics.get("motion_images", 0)
    for name, words in (("flip", "a horizontal flip"), ("shift", "a shift by 2 pixels")):
        defended = evidence.diagnostics.get(f"{name}_lost_defended", 0)
        bare = evidence.diagnostics.get(f"{name}_lost_bare", 0)
        both = evidence.diagnostics.get(f"{name}_lost_both", 0)
        error = (defended + bare - 2 * both) ** 0.5
        if n and defended - bare > max(ERRORS * error, COLLAPSE * n):
            return (
                f"After {words} {defended:.0f} of {n:.0f} pictures are wrong with the defense, "
                f"{bare:.0f} without."
            )
    return None


def surrogate_mismatch(evidence: Evidence) -> str | None:
    """The surrogate is further from the defense than the picture itself is."""
    n = evidence.diagnostics.get("surrogate_images", 0)
    if not n:
        return None
    surrogate = evidence.diagnostics["surrogate_error"] / n
    identity = evidence.diagnostics["identity_error"] / n
    if surrogate <= max(SURROGATE_ERROR, identity):
        return None
    return (
        f"The surrogate is {255 * surrogate**0.5:.1f} grey levels (root mean square) away from the "
        f"defense, the picture itself {255 * identity**0.5:.1f}."
    )


def rate_mismatch(evidence: Evidence) -> str | None:
    """The likelihood's bits are not those of the streams."""
    real = evidence.diagnostics.get("real_bits", 0)
    if not real:
        return None
    off = evidence.diagnostics["likelihood_bits"] / real - 1
    if abs(off) <= RATE_ERROR:
        return None
    return (
        f"The likelihood's bits are {per_cent(abs(off))} {'above' if off > 0 else 'below'} those "
        f"of the streams."
    )


def decode_failures(evidence: Evidence) -> str | None:
    """Streams that the codec's own decoder did not bring back."""
    failed = evidence.diagnostics.get("decode_failures", 0)
    if not failed:
        return None
    return f"{failed:.0f} pictures did not come back from the codec's own streams."
