"""The process in the box. It holds the submission, and after that nothing it says is to be trusted.

Started by `leaderboard.sandbox.box` through `leaderboard.sandbox.starting`.
"""

import argparse
import gc
import json
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.errors import CallError, SqueezebenchError
from benchmark.fitting import device_is_full
from benchmark.memory import give_back, keep_freed
from leaderboard.sandbox.blame import blame
from leaderboard.sandbox.limits import from_words, restrict
from leaderboard.sandbox.loading import PluginSpec, load
from leaderboard.sandbox.memory import Buffer
from leaderboard.sandbox.questions import question_from
from leaderboard.sandbox.servant import Servant
from leaderboard.sandbox.starting import started
from leaderboard.sandbox.traits import traits_to
from leaderboard.sandbox.wire import (
    MOST_TEXT,
    SIZE,
    Message,
    Op,
    Status,
    joined,
    mask_of,
    pack,
    parted,
    places_of,
    unpack,
)

OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "CUDA out of memory")
CODES: Mapping[int, object] = {int(op): op for op in Op}


class Reply(NamedTuple):
    """What an operation has to say."""

    tensors: tuple[Tensor, ...] = ()
    content: bytes = b""
    detail: int = 0


class Worker:
    """Answers one request after the other."""

    def __init__(self, link: socket.socket, request: Buffer, reply: Buffer, device: str) -> None:
        """Nothing is loaded yet."""
        self._link, self._request, self._reply = link, request, reply
        self._device = torch.device(device)
        self._servant: Servant | None = None
        self._operations: Mapping[int, Callable[[Message], Reply | None]] = {
            Op.INIT: self._init,
            Op.VALUE: self._value,
            Op.FORWARD_GRAD: self._forward_grad,
            Op.VJP: self._vjp,
            Op.RELEASE: self._release,
            Op.COMPRESS: self._compress,
            Op.DECOMPRESS: self._decompress,
            Op.CALLS: self._calls,
            Op.RESET: self._reset,
        }

    def serve(self) -> None:
        """Answer until the harness hangs up."""
        self._say(Message(Status.DONE, 0), Reply())
        while data := self._link.recv(SIZE):
            message = unpack(data, CODES)
            try:
                reply = self._operations[message.code](message)
            except BaseException as problem:  # noqa: BLE001 (a plugin may raise anything)
                self._complain(message, problem)
            else:
                if reply is not None:
                    self._say(Message(Status.DONE, message.number, reply.detail), reply)

    def _say(self, message: Message, reply: Reply) -> None:
        tensors = self._reply.put(reply.tensors, reply.content)
        message = message._replace(tensors=tensors, size=len(reply.content))
        self._link.send(pack(message))

    def _complain(self, message: Message, problem: BaseException) -> None:
        traceback.print_exc()
        status, text = Status.FAILED, blame(problem) + _hint(problem)
        if isinstance(problem, CallError):
            status, text = Status.REFUSED, str(problem)
        elif isinstance(problem, SqueezebenchError):
            text = str(problem)
        elif device_is_full(problem):
            status = Status.DEVICE_MEMORY
        elif isinstance(problem, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
            status = Status.MEMORY
        content = text.encode(errors="replace")[:MOST_TEXT]
        problem.__traceback__ = None  # it holds what was being computed
        if status == Status.DEVICE_MEMORY:
            gc.collect()
            torch.cuda.empty_cache()
        self._say(Message(status, message.number), Reply(content=content))

    @property
    def _asked(self) -> Servant:
        if self._servant is None:
            raise CallError("the worker was asked before it was given a submission")
        return self._servant

    def _images(self, message: Message) -> list[Tensor]:
        return [tensor.to(self._device) for tensor in self._request.tensors(message)]

    def _init(self, message: Message) -> Reply:
        plugin = load(PluginSpec(**json.loads(self._request.content(message))))
        self._servant = Servant(plugin.to(self._device).eval())
        started()
        return Reply(content=traits_to(self._servant.traits))

    def _value(self, message: Message) -> Reply:
        (x,) = self._images(message)
        return Reply(self._asked.value(question_from(message.detail), x, message.seed))

    def _forward_grad(self, message: Message) -> Reply:
        (x,) = self._images(message)
        question = question_from(message.detail)
        answer = self._asked.forward_grad(question, x, message.seed, message.graph)
        return Reply(answer.outputs, detail=mask_of(answer.differentiable))

    def _vjp(self, message: Message) -> Reply:
        places = places_of(message.detail >> 1)
        cotangents = dict(zip(places, self._images(message), strict=True))
        return Reply((self._asked.vjp(message.graph, cotangents, keep=bool(message.detail & 1)),))

    def _release(self, message: Message) -> None:
        self._asked.release(message.graph)

    def _compress(self, message: Message) -> Reply:
        (x,) = self._images(message)
        return Reply(content=joined(self._asked.compress(x, message.seed)))

    def _decompress(self, message: Message) -> Reply:
        streams = parted(self._request.content(message), 2**20)
        size = (message.detail >> 32, message.detail & 0xFFFFFFFF)
        return Reply((self._asked.decompress(streams, size, message.seed),))

    def _calls(self, message: Message) -> Reply:
        (x,) = self._images(message)
        rounds, slopes = self._asked.rounds(x, message.seed)
        return Reply(detail=int(rounds) | int(slopes) << 1)

    def _reset(self, message: Message) -> Reply:
        self._servant = None
        gc.collect()
        give_back()
        return Reply()


def _hint(problem: BaseException) -> str:
    """What a stranger to the box may not know."""
    if not isinstance(problem, OSError):
        return ""
    return (
        " (the sandbox has no network, and no files but the submission's, its weights' and the "
        "libraries')"
    )


def _close_others(kept: set[int]) -> None:
    """Close every descriptor that this process was not meant to have."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept | {0, 1, 2}:
            try:
                os.close(int(name))
            except OSError:  # the one that read the folder
                continue


def _prepare(threads: int, device: str, uuid: str, share: float) -> None:
    keep_freed()
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    if device == "cpu":
        return
    if not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device in the box; see `squeezebench doctor`")
    torch.cuda.set_per_process_memory_fraction(share, 0)
    found = str(torch.cuda.get_device_properties(torch.device(device)).uuid)
    if found != uuid:
        raise SystemExit(f"the box has the device {found}, expected {uuid}")


def main() -> None:
    """Serve on the descriptors of the command line."""
    parser = argparse.ArgumentParser()
    for name in ("link", "request", "reply", "threads"):
        parser.add_argument(name, type=int)
    parser.add_argument("device")
    parser.add_argument("uuid")
    parser.add_argument("limits", nargs="*")
    given = parser.parse_args()
    _close_others({given.link, given.request, given.reply})
    limits = from_words(given.limits)
    restrict(limits, on_cpu=given.device == "cpu")
    _prepare(given.threads, given.device, given.uuid, limits.device_share)
    link = socket.socket(fileno=given.link)
    request = Buffer(given.request, writable=False)
    reply = Buffer(given.reply, writable=True)
    Worker(link, request, reply, given.device).serve()
