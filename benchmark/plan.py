"""A protocol as independent shards: consecutive pictures of the sample before one classifier.

Shards are what they are whatever engine runs them, in which order and on how many workers, and each
has an address made of all that decides its content. Only which shards one job of several takes
depends on the number of jobs.
"""

import hashlib
from collections.abc import Sequence

from benchmark.protocol import AnyProtocol, Protocol
from benchmark.records import Shard

NOTHING_BEHIND = ""
"""The classifier of a shard of the codec track."""


def plan(protocol: AnyProtocol, images: int) -> tuple[Shard, ...]:
    """Every shard of a run over `images` pictures, whatever engine, order or worker count."""
    names = [NOTHING_BEHIND]
    if isinstance(protocol, Protocol):
        names = [spec.name for spec in protocol.classifiers]
    return tuple(
        Shard(name, start, min(start + protocol.batch, images))
        for name in names
        for start in range(0, images, protocol.batch)
    )


def address(key: str, shard: Shard) -> str:
    """The sha256 that names a shard of the run with this key."""
    content = f"{key}:{shard.classifier}:{shard.start}:{shard.stop}"
    return hashlib.sha256(content.encode()).hexdigest()


def divided(seconds: Sequence[float], count: int) -> tuple[tuple[int, ...], ...]:
    """`count` parts of similar cost, as positions of the shards that cost so many `seconds`.

    The costliest shard left goes to the part that has least so far, which leaves no part above 4/3
    of what the best division would (Graham 1969). The same costs give the same parts anywhere.
    """
    parts: list[list[int]] = [[] for _ in range(count)]
    load = [0.0] * count
    for position in sorted(range(len(seconds)), key=lambda i: (-seconds[i], i)):
        least = min(range(count), key=lambda part: (load[part], len(parts[part]), part))
        parts[least].append(position)
        load[least] += seconds[position]
    return tuple(tuple(sorted(part)) for part in parts)
