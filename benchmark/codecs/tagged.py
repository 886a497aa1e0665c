"""A stream with a number before it, at no cost where the number is 0.

    the codec's own stream                                          0
    mark and number (whole bytes)   the codec's stream, masked      any other number

The mark is the half byte 0x1. Streams of JPEG, JPEG 2000, PNG, WebP, AVIF, HEIC, JPEG XL and VVC
begin with other signatures, those of learned codecs with the picture's height; where a stream does
begin with the mark, as a learned codec's does for 16 to 31 rows, the number 0 is written too.

The last bytes of the codec's stream are masked with a checksum of the number: where they are a
checksum themselves, as learned codecs' are, an altered number is an error.
"""

import zlib

from benchmark.errors import ContractError

MARK = 1
CHECKSUM = 4


def tagged(stream: bytes, number: int, length: int) -> bytes:
    """`stream` with `number` in `length` bytes, of which the mark takes half a byte."""
    if not 0 <= number < 1 << 8 * length - 4:
        raise ContractError(f"number {number}: expected what fits into {8 * length - 4} bits")
    if number == 0 and not _marked(stream):
        return stream
    if len(stream) < CHECKSUM:
        raise ContractError(
            f"a stream of {len(stream)} bytes was to be given a number; expected at least "
            f"{CHECKSUM} bytes, whose end the number masks: have compress end in a checksum"
        )
    head = (MARK << 8 * length - 4 | number).to_bytes(length, "big")
    return head + _masked(stream, head)


def untagged(stream: bytes, length: int) -> tuple[bytes, int]:
    """What `tagged` was given."""
    if not _marked(stream):
        return stream, 0
    head, rest = stream[:length], stream[length:]
    if len(rest) < CHECKSUM:
        raise ContractError(
            f"a stream of {len(stream)} bytes announces a number of {length} bytes and a stream "
            f"of at least {CHECKSUM}: it was cut; compress the image again"
        )
    return _masked(rest, head), int.from_bytes(head, "big") & (1 << 8 * length - 4) - 1


def _marked(stream: bytes) -> bool:
    return len(stream) > 0 and stream[0] >> 4 == MARK


def _masked(stream: bytes, head: bytes) -> bytes:
    mask = zlib.crc32(head).to_bytes(CHECKSUM, "little")
    end = bytes(a ^ b for a, b in zip(stream[-CHECKSUM:], mask, strict=True))
    return stream[:-CHECKSUM] + end
