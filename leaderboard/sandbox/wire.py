"""The messages between harness and worker: structs of a fixed size, contents in shared memory.

Nothing here makes objects of what a stranger sends, but numbers that were checked.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from leaderboard.sandbox.layout import LARGEST_STRIDE, MOST_DIMENSIONS, Layout

MAGIC = 0x53514245
TENSORS = 3
"""Tensors in one message, at most."""
CAPACITY = 2**30
"""Bytes of a buffer; only what was used of it takes memory."""
MOST_TEXT = 4096
"""Bytes of an error's text."""
ALIGNED = 64

HEAD = struct.Struct("<IIQQQQQ")
TENSOR = struct.Struct(f"<q{MOST_DIMENSIONS}q{MOST_DIMENSIONS}q")
SIZE = HEAD.size + TENSORS * TENSOR.size


class Op(IntEnum):
    """What a worker can be asked for."""

    INIT = 1
    VALUE = 2
    FORWARD_GRAD = 3
    VJP = 4
    RELEASE = 5
    COMPRESS = 6
    DECOMPRESS = 7
    CALLS = 8
    RESET = 9


class Status(IntEnum):
    """How a worker answers."""

    DONE = 1
    FAILED = 2
    REFUSED = 3
    MEMORY = 4
    FORBIDDEN = 5
    DEVICE_MEMORY = 6


class Message(NamedTuple):
    """Either direction. What stands in the buffer: the tensors' values, then `size` bytes.

    In a request `code` is an `Op`, in a reply a `Status`. `number` counts requests; a reply repeats
    it. `detail` is a question as a number, or the places of tensors as bits; `seed` is that of the
    draws; `graph` names what a later `VJP` goes back through, 0 none.
    """

    code: int
    number: int
    detail: int = 0
    seed: int = 0
    graph: int = 0
    size: int = 0
    tensors: tuple[Layout, ...] = ()

    @property
    def used(self) -> int:
        """Bytes of the buffer that the content takes."""
        return self.start_of_bytes + self.size

    @property
    def start_of_bytes(self) -> int:
        """Where the bytes begin, behind the tensors."""
        return sum(aligned(4 * layout.values) for layout in self.tensors)


class WireError(Exception):
    """A message that is none, or that promises what cannot be."""


def aligned(size: int) -> int:
    """`size`, rounded up to where the next tensor may begin."""
    return -(-size // ALIGNED) * ALIGNED


def pack(message: Message) -> bytes:
    """The message as it is sent."""
    parts = [HEAD.pack(MAGIC, *message[:6])]
    for layout in message.tensors:
        shape, strides = (
            (*numbers, *(0,) * (MOST_DIMENSIONS - len(numbers))) for numbers in layout
        )
        parts.append(TENSOR.pack(len(layout.shape), *shape, *strides))
    empty = TENSOR.pack(-1, *(0,) * (2 * MOST_DIMENSIONS))
    return b"".join(parts) + empty * (TENSORS - len(message.tensors))


def unpack(data: bytes, codes: Mapping[int, object]) -> Message:
    """The message that was sent; `codes` are those it may have."""
    if len(data) != SIZE:
        raise WireError(f"a message of {len(data)} bytes, expected {SIZE}")
    magic, *numbers = HEAD.unpack_from(data)
    if magic != MAGIC:
        raise WireError("a message that does not begin as one")
    tensors = _tensors(data)
    code, number, detail, seed, graph, size = (int(one) for one in numbers)
    message = Message(code, number, detail, seed, graph, size, tensors)
    if message.code not in codes:
        raise WireError(f"code {message.code}, which none has")
    if message.used > CAPACITY:
        raise WireError(f"contents of {message.used} bytes, more than the buffer's {CAPACITY}")
    return message


def _tensors(data: bytes) -> tuple[Layout, ...]:
    found: list[Layout] = []
    ended = False
    for place in range(TENSORS):
        dimensions, *numbers = TENSOR.unpack_from(data, HEAD.size + place * TENSOR.size)
        if dimensions == -1:
            ended = True
            continue
        if ended or not 0 <= dimensions <= MOST_DIMENSIONS:
            raise WireError(f"a tensor of {dimensions} dimensions in place {place}")
        shape, strides = numbers[:MOST_DIMENSIONS], numbers[MOST_DIMENSIONS:]
        layout = Layout(tuple(shape[:dimensions]), tuple(strides[:dimensions]))
        if any(n > LARGEST_STRIDE for n in shape) or not layout.dense:
            raise WireError(f"shape {layout.shape} with strides {layout.strides}")
        found.append(layout)
    return tuple(found)


def mask_of(places: Iterable[int]) -> int:
    """Places of tensors in a message as bits."""
    return sum(1 << place for place in places)


def places_of(mask: int) -> tuple[int, ...]:
    """The places that are bits of `mask`, of those that a message has."""
    if mask >> TENSORS:
        raise WireError(f"places {mask:#x}, but a message has {TENSORS} tensors at most")
    return tuple(place for place in range(TENSORS) if mask >> place & 1)


def joined(streams: Sequence[bytes]) -> bytes:
    """Byte strings as one: their number, their lengths, themselves."""
    lengths = struct.pack(f"<{len(streams) + 1}Q", len(streams), *map(len, streams))
    return b"".join((lengths, *streams))


def parted(content: bytes, most: int) -> list[bytes]:
    """The byte strings, of which there may be no more than `most`."""
    if len(content) < 8:
        raise WireError("a list of streams without its number")
    (count,) = struct.unpack_from("<Q", content)
    if count > most or len(content) < 8 * (count + 1):
        raise WireError(f"{count} streams in {len(content)} bytes, expected at most {most}")
    lengths = struct.unpack_from(f"<{count}Q", content, 8)
    if 8 * (count + 1) + sum(lengths) != len(content):
        raise WireError(f"streams of {sum(lengths)} bytes in {len(content)}")
    streams, start = [], 8 * (count + 1)
    for length in lengths:
        streams.append(content[start : start + length])
        start += length
    return streams
