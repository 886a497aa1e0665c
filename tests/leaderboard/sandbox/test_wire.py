"""Messages, and what becomes of messages that a stranger made up."""

import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.errors import BoxError, ContractError, SqueezebenchError
from leaderboard.sandbox import memory, wire
from leaderboard.sandbox.box import CODES, Box
from leaderboard.sandbox.layout import Layout, flat, whole
from leaderboard.sandbox.limits import Limits
from leaderboard.sandbox.memory import Buffer, reply_buffer, request_buffer
from leaderboard.sandbox.watch import Output
from leaderboard.sandbox.wire import (
    HEAD,
    SIZE,
    TENSOR,
    Message,
    Op,
    Status,
    WireError,
    joined,
    pack,
    parted,
    unpack,
)

X = torch.rand(2, 3, 4, 5)
SMALL = 2**16


@pytest.fixture(autouse=True, scope="module")
def _small_buffers() -> Iterator[None]:
    """A thousand of the real ones would take a terabyte of addresses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "CAPACITY", SMALL)
        patch.setattr(memory, "CAPACITY", SMALL)
        yield


@pytest.mark.parametrize(
    "tensor",
    [
        X,
        X.to(memory_format=torch.channels_last),
        X.permute(3, 0, 2, 1),
        X[:, :, ::2],
        X[:1].to(memory_format=torch.channels_last),
        torch.rand(7),
        torch.tensor(0.5),
        torch.zeros(0, 3),
        torch.zeros(0, 4, 3, 16, 16),
        torch.rand(1, 1).expand(4, 5),
        torch.rand(2, 2, 2, 2, 2),
    ],
)
def test_a_tensor_comes_back_with_its_strides(tensor: Tensor) -> None:
    layout, values = flat(tensor)
    back = whole(layout, values.clone())
    assert torch.equal(back, tensor)
    if layout.strides == tensor.stride():
        assert back.stride() == tensor.stride()
    assert back.is_contiguous(memory_format=torch.contiguous_format) or back.dim() == 4


@pytest.mark.parametrize(
    ("shape", "strides"),
    [((2, 3), (3, 2)), ((2, 3), (0, 1)), ((2, 3), (6, 1)), ((2,), (-1,)), ((2, 2), (1, 1))],
)
def test_strides_that_overlap_or_leave_gaps(
    shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    assert not Layout(shape, strides).dense
    data = bytearray(pack(Message(Status.DONE, 1, tensors=(Layout((2, 3), (3, 1)),))))
    filled = [(*numbers, *(0,) * (5 - len(numbers))) for numbers in (shape, strides)]
    struct.pack_into("<q5q5q", data, HEAD.size, len(shape), *filled[0], *filled[1])
    with pytest.raises(WireError, match="with strides"):
        unpack(bytes(data), CODES)


def test_messages_come_back() -> None:
    message = Message(Op.VALUE, 7, 3, 2**62, 9, 11, (Layout((2, 3), (3, 1)), Layout((), ())))
    assert unpack(pack(message), {Op.VALUE: 1}) == message
    assert len(pack(message)) == SIZE


def test_streams_come_back() -> None:
    for streams in ([], [b""], [b"a", b"", b"bcd"]):
        assert parted(joined(streams), 3) == streams


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "without its number"),
        (joined([b"a"] * 4), "at most 3"),
        (struct.pack("<Q", 2), "2 streams in 8 bytes"),
        (joined([b"ab"])[:-1], "streams of 2 bytes"),
        (struct.pack("<2Q", 1, 2**63), "streams of"),
    ],
)
def test_streams_that_are_none(content: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        parted(content, 3)


def test_the_buffers_are_sealed() -> None:
    request, reply = request_buffer(), reply_buffer()
    with pytest.raises(PermissionError):
        Buffer(request.descriptor, writable=True)
    other = Buffer(reply.descriptor, writable=True)
    layouts = other.put([X], b"bytes")
    message = Message(1, 1, size=5, tensors=layouts)
    assert torch.equal(reply.tensors(message)[0], X)
    assert reply.content(message) == b"bytes"
    for one in (request, reply):
        for size in (0, SMALL // 2, 2 * SMALL):
            with pytest.raises(PermissionError):
                os.truncate(f"/proc/self/fd/{one.descriptor}", size)
    with pytest.raises(ContractError, match="do not fit into a buffer"):
        other.put([torch.zeros(1).expand(SMALL)])


class Fake(Box):
    """A box whose worker is a function in this process."""

    def __init__(self, worker: Callable[[bytes, Buffer], list[bytes]]) -> None:
        self._limits = Limits(call_s=5)
        self._number, self._ready, self._verdict = 0, True, None
        self._forgotten = deque()
        self._request, self._reply = request_buffer(), reply_buffer()
        self._link, self.inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.output = Output()
        self.killed = False
        self._process = self  # type: ignore[assignment]
        self._watcher = threading.Thread(target=self.serve, args=(worker,), daemon=True)
        self._watcher.start()

    def serve(self, worker: Callable[[bytes, Buffer], list[bytes]]) -> None:
        buffer = Buffer(self._reply.descriptor, writable=True)
        for data in worker(self.inside.recv(SIZE), buffer):
            self.inside.send(data)
        self.inside.close()
        del buffer

    def kill(self) -> None:
        self.killed = True

    def poll(self) -> int | None:
        return None

    def wait(self, timeout: float | None = None) -> int:
        return 0

    def close(self) -> None:
        self._watcher.join(5)
        self._link.close()
        self._request.close()
        self._reply.close()


def honest(number: int) -> bytes:
    layout, _ = flat(X)
    return pack(Message(Status.DONE, number, tensors=(layout,)))


mutations = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, 255)), min_size=1, max_size=6
)
words = st.lists(
    st.tuples(
        st.integers(0, SIZE // 8 - 1),
        st.sampled_from(
            [0, 1, 2, 3, 5, 6, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
        ),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    st.one_of(mutations.map(lambda m: ("bytes", m)), words.map(lambda m: ("words", m))),
    st.integers(0, 2),
)
def test_a_made_up_answer_is_refused_or_means_what_it_says(
    mutation: tuple[str, list[tuple[int, int]]], cut: int
) -> None:
    """Never a traceback, a hang, or an answer that is not backed by what is in the buffer."""
    kind, changes = mutation

    def worker(request: bytes, buffer: Buffer) -> list[bytes]:
        buffer.put([X])
        data = bytearray(honest(unpack(request, {int(op): op for op in Op}).number))
        for place, value in changes:
            if kind == "bytes":
                data[place] = value
            else:
                struct.pack_into("<Q", data, 8 * place, value)
        return [bytes(data[: len(data) - (cut and 1)]) if cut == 2 else bytes(data)]

    fake = Fake(worker)
    try:
        message, tensors, content = fake.call(Op.VALUE, [X])
    except SqueezebenchError as problem:
        assert str(problem).isprintable()  # noqa: PT017 (either way is right)
    else:
        assert message.number == 1
        assert len(tensors) == len(message.tensors)
        assert message.used <= SMALL
        assert len(content) == message.size
        memory = X.flatten()
        for tensor in tensors[:1]:  # made of what the buffer held, padded with zeros
            values = tensor.as_strided((tensor.numel(),), (1,))
            shared = min(len(values), len(memory))
            assert torch.equal(values[:shared], memory[:shared])
            assert not values[shared:].any()
    finally:
        fake.close()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (lambda number: [], "hung up|ended"),
        (lambda number: [b"x"], "broke the protocol: a message of 1 bytes"),
        (lambda number: [honest(number + 1)], "answer to request 2, expected 1"),
        (lambda number: [pack(Message(99, number))], "code 99"),
        (
            lambda number: [pack(Message(Status.DONE, number, size=SMALL + 1))],
            "more than the buffer",
        ),
    ],
)
def test_what_is_no_answer_ends_the_box(answers: Callable[[int], list[bytes]], said: str) -> None:
    fake = Fake(lambda request, _: answers(unpack(request, {int(op): op for op in Op}).number))
    with pytest.raises(BoxError, match=said):
        fake.call(Op.VALUE, [X])
    with pytest.raises(BoxError, match=said):  # its end is final
        fake.call(Op.VALUE, [X])
    fake.close()


def test_two_answers_to_one_question() -> None:
    fake = Fake(lambda request, _: [honest(1), honest(2)])
    fake._reply_ready = True
    assert fake.call(Op.VALUE, [X])[0].number == 1
    fake._watcher.join(5)
    with pytest.raises(BoxError, match="nobody had asked for"):
        fake.call(Op.VALUE, [X])
    fake.close()


def test_errors_are_harmless_to_show() -> None:
    text = "\x1b[31mred\x1b[0m\x07 \u202eolleh\x00 <b>".encode()

    def worker(request: bytes, buffer: Buffer) -> list[bytes]:
        buffer.put([], text)
        return [pack(Message(Status.FAILED, 1, size=len(text)))]

    fake = Fake(worker)
    with pytest.raises(SqueezebenchError) as caught:
        fake.call(Op.VALUE, [X])
    assert str(caught.value) == "red olleh <b>"
    fake.close()
    assert TENSOR.size == 88
