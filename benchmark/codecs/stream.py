"""The container of one image's bitstream: a few numbers, the entropy coder's strings, a checksum.

    number …  count of strings  length of every string but the last  strings …  CRC-32

Numbers, count and lengths are varints (7 bits a byte, least significant first); nothing is padded.
The checksum's 4 bytes count as rate. A range decoder turns any bytes into symbols, so without it
an altered stream would decode to a wrong picture and nobody would know.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from benchmark.errors import ContractError

CHECKSUM = 4
LONGEST = 5
"""Bytes of the longest varint: 35 bits."""


class Unpacked(NamedTuple):
    """What `pack` was given."""

    parts: tuple[bytes, ...]
    numbers: tuple[int, ...]


def pack(parts: Sequence[bytes], numbers: Sequence[int]) -> bytes:
    """The stream that holds `parts` (at least one) and `numbers` (none negative)."""
    if not parts:
        raise ContractError("a stream of no strings; expected at least one")
    lengths = [len(part) for part in parts[:-1]]
    head = b"".join(_varint(number) for number in (*numbers, len(parts), *lengths))
    body = head + b"".join(parts)
    return body + zlib.crc32(body).to_bytes(CHECKSUM, "little")


def unpack(stream: bytes, numbers: int) -> Unpacked:
    """The strings of `stream`, and the `numbers` in front of them."""
    body, written = stream[:-CHECKSUM], stream[-CHECKSUM:]
    expected = zlib.crc32(body).to_bytes(CHECKSUM, "little")
    if len(stream) < CHECKSUM or written != expected:
        raise ContractError(
            f"a stream of {len(stream)} bytes ends in checksum {written.hex() or 'none'}, expected "
            f"{expected.hex()}: it was cut, extended or altered; compress the image again"
        )
    place, read = 0, []
    for _ in range(numbers + 1):
        number, place = _read(body, place)
        read.append(number)
    *given, count = read
    lengths = []
    for _ in range(count - 1):
        length, place = _read(body, place)
        lengths.append(length)
    rest = len(body) - place - sum(lengths)
    if count < 1 or rest < 0:
        raise ContractError(
            f"a stream of {len(stream)} bytes announces {count} strings of {sum(lengths)} bytes "
            f"and more, expected at least one string that fits; no codec here wrote it"
        )
    parts = []
    for length in (*lengths, rest):
        parts.append(body[place : place + length])
        place += length
    return Unpacked(tuple(parts), tuple(given))


def _varint(number: int) -> bytes:
    if not 0 <= number < 1 << 7 * LONGEST:
        raise ContractError(f"number {number} in a stream: expected 0 to {(1 << 7 * LONGEST) - 1}")
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


def _read(body: bytes, place: int) -> tuple[int, int]:
    """The varint at `place`, and the place after it."""
    number = 0
    for shift, byte in enumerate(body[place : place + LONGEST]):
        number |= (byte & 127) << 7 * shift
        if byte < 128:
            return number, place + shift + 1
    raise ContractError(
        f"byte {place} of a stream of {len(body) + CHECKSUM} bytes begins no number; expected a "
        f"varint of at most {LONGEST} bytes"
    )
