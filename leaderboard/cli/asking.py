"""From the options of a command to what it asks to be evaluated."""

from collections.abc import Sequence
from pathlib import Path

from benchmark import protocol as protocols
from leaderboard import submission
from leaderboard.cli.options import at_least_one, one_of
from leaderboard.evaluation import Request
from leaderboard.sandbox import machine

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16")


def requests_of(
    path: Path,
    protocol: str,
    variants: Sequence[str] | None,
    *,
    device: str,
    precision: str,
    limit: int | None,
    threads: int,
    fresh: bool = False,
    sandboxed: bool = True,
) -> list[Request]:
    """One request a variant, all of them unless some are named; refuses what cannot be."""
    at_least_one("--limit", limit)
    at_least_one("--threads", threads)
    one_of("--device", device, *DEVICES)
    one_of("--precision", precision, *PRECISIONS)
    if sandboxed:
        machine.check()
    found = submission.load(path)
    chosen = protocols.load(protocol)
    official = protocols.is_official(protocol)
    named = [found.variant(name) for name in variants] if variants else found.manifest.variants
    return [
        Request(
            found,
            one,
            chosen,
            beside=() if official else (Path(protocol).parent,),
            reasons=() if official else ("a protocol of one's own",),
            device=device,
            precision=precision,
            limit=limit,
            fresh=fresh,
            sandboxed=sandboxed,
        )
        for one in named
    ]
