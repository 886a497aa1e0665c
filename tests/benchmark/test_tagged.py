"""A number before a stream: what it costs, and that nothing altered goes unnoticed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.codecs.stream import pack, unpack
from benchmark.codecs.tagged import tagged, untagged
from benchmark.codecs.transforms import COUNT
from benchmark.errors import ContractError


@given(st.binary(min_size=4, max_size=60), st.integers(0, 2**28 - 1))
def test_round_trip_of_four_bytes(stream: bytes, number: int) -> None:
    assert untagged(tagged(stream, number, 4), 4) == (stream, number)


@given(st.binary(min_size=4, max_size=60), st.integers(0, 15))
def test_round_trip_of_one_byte(stream: bytes, number: int) -> None:
    assert untagged(tagged(stream, number, 1), 1) == (stream, number)


def test_what_a_number_costs() -> None:
    """Nothing for 0, unless the stream itself begins with the mark; else its bytes."""
    for stream in (pack([b"abc"], [256, 256]), b"\xff\xd8\xff\xe0rest", b"RIFFrest", b"\0\0\0rest"):
        assert tagged(stream, 0, 4) == stream
        assert len(tagged(stream, COUNT - 1, 4)) == len(stream) + 4
    marked = pack([b"abc"], [17, 256])
    assert len(tagged(marked, 0, 4)) == len(marked) + 4
    assert len(tagged(marked, 7, 1)) == len(marked) + 1


def test_the_layout() -> None:
    assert tagged(b"....stream", COUNT - 1, 4)[:4] == (0x10000000 + COUNT - 1).to_bytes(4, "big")
    assert tagged(b"....stream", 5, 1)[:1] == b"\x15"


def test_a_number_that_does_not_fit() -> None:
    for number, length in ((2**28, 4), (16, 1), (-1, 4)):
        with pytest.raises(ContractError, match=rf"number {number}: expected what fits"):
            tagged(b"stream", number, length)


def test_every_altered_bit_is_noticed_where_the_stream_has_a_checksum() -> None:
    draws = random.Random(2)
    stream = tagged(pack([draws.randbytes(40)], [256, 300]), 123_456_789, 4)
    for place in range(8 * len(stream)):
        altered = bytearray(stream)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(ContractError):
            unpack(untagged(bytes(altered), 4)[0], 2)


def test_a_stream_that_was_cut() -> None:
    for cut in (b"\x12", b"\x12\x34\x56\x78", b"\x12\x34\x56\x78abc"):
        with pytest.raises(ContractError, match="it was cut"):
            untagged(cut, 4)
    assert untagged(b"", 4) == (b"", 0)


def test_a_stream_too_short_for_a_number() -> None:
    for stream in (b"", b"abc"):
        with pytest.raises(ContractError, match=f"a stream of {len(stream)} bytes was to be given"):
            tagged(stream, 5, 4)
        assert tagged(stream, 0, 4) == stream
