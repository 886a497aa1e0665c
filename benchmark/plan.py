"""A protocol as independent shards: consecutive pictures of the sample before one classifier."""

from benchmark.protocol import Protocol
from benchmark.records import Shard


def plan(protocol: Protocol, images: int) -> tuple[Shard, ...]:
    """Every shard of a run over `images` pictures, whatever engine, order or worker count."""
    return tuple(
        Shard(spec.name, start, min(start + protocol.batch, images))
        for spec in protocol.classifiers
        for start in range(0, images, protocol.batch)
    )
