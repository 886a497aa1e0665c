"""A protocol as independent shards: consecutive pictures of the sample before one classifier."""

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
