"""The container of a learned codec's stream: nothing is lost, nothing altered goes unnoticed."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.codecs.stream import pack, unpack
from benchmark.errors import ContractError


def checked(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_the_layout() -> None:
    """300 is 0x2c + 2 * 128; two strings, the first of 3 bytes; the checksum of all before it."""
    body = bytes([0xAC, 0x02, 5, 2, 3]) + b"abcde"
    assert pack([b"abc", b"de"], [300, 5]) == checked(body)


@given(
    parts=st.lists(st.binary(max_size=300), min_size=1, max_size=12),
    numbers=st.lists(st.integers(0, 2**35 - 1), max_size=4),
)
def test_round_trip(parts: list[bytes], numbers: list[int]) -> None:
    assert unpack(pack(parts, numbers), len(numbers)) == (tuple(parts), tuple(numbers))


def test_overhead_is_eleven_bytes_for_two_strings_of_a_photograph() -> None:
    assert len(pack([bytes(700), bytes(50)], [224, 224])) == 750 + 11


STREAM = pack([b"some string", b"", b"another"], [224, 1])


@pytest.mark.parametrize("length", range(len(STREAM)))
def test_what_was_cut_is_refused(length: int) -> None:
    with pytest.raises(ContractError, match=f"a stream of {length} bytes ends in checksum .*, exp"):
        unpack(STREAM[:length], 2)


@pytest.mark.parametrize("bit", range(8 * len(STREAM)))
def test_what_was_altered_is_refused(bit: int) -> None:
    altered = bytearray(STREAM)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ContractError, match="cut, extended or altered; compress the image again"):
        unpack(bytes(altered), 2)


def test_what_was_extended_is_refused() -> None:
    with pytest.raises(ContractError, match="cut, extended or altered"):
        unpack(STREAM + b"\0", 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "byte 0 of a stream of 4 bytes begins no number"),
        (b"\x01\x02", "byte 2 of a stream of 6 bytes begins no number"),
        (b"\x80\x80\x80\x80\x80\x80\x01", "begins no number; expected a varint of at most 5"),
        (b"\x01\x02\x00", "announces 0 strings"),
        (b"\x01\x02\x02\x09abc", "announces 2 strings of 9 bytes and more, expected"),
        (b"\x01\x02\x7f\x00", "begins no number"),
    ],
)
def test_a_stream_of_somebody_else_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        unpack(checked(body), 2)


def test_what_cannot_be_packed() -> None:
    with pytest.raises(ContractError, match="no strings; expected at least one"):
        pack([], [1])
    for number in (-1, 2**35):
        with pytest.raises(ContractError, match=f"number {number} in a stream: expected 0 to"):
            pack([b""], [number])
