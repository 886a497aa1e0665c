"""A box: bwrap around a worker, the two buffers, and somebody who watches."""

import json
import os
import select
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from torch import OutOfMemoryError, Tensor, cuda

from benchmark.errors import BoxError, ContractError, SubmissionError
from leaderboard.sandbox.arguments import SUBMISSION, Shown, arguments, command
from leaderboard.sandbox.limits import Limits, as_words
from leaderboard.sandbox.loading import PluginSpec
from leaderboard.sandbox.machine import bwrap, scope
from leaderboard.sandbox.memory import reply_buffer, request_buffer
from leaderboard.sandbox.seccomp import program
from leaderboard.sandbox.watch import Output, harmless, usage
from leaderboard.sandbox.wire import SIZE, Message, Op, Status, WireError, pack, unpack

CODES: Mapping[int, object] = {int(status): status for status in Status}
EVERY_S = 0.2
"""Between two looks at what a box holds."""
LAST_WORDS = 400
TIMEOUT, MEMORY, FAILED = "timeout", "out-of-memory", "failed"


class Box:
    """A process with one submission. Its end is final; a fresh one shares nothing with it."""

    def __init__(self, shown: Shown, limits: Limits) -> None:
        """Start the process; it imports torch while the harness goes on."""
        self._limits = limits
        self._number = 0
        self._ready = False
        self._forgotten: deque[int] = deque()
        self._verdict: BoxError | None = None
        self._request, self._reply = request_buffer(), reply_buffer()
        self._link, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        uuid = "" if shown.device == "cpu" else str(cuda.get_device_properties(0).uuid)
        words = [str(shown.threads), shown.device, uuid, *as_words(limits)]
        passed = [inside.fileno(), self._request.descriptor, self._reply.descriptor]
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as filtered:
            told.write(b"\0".join(word.encode() for word in arguments(shown, limits)) + b"\0")
            filtered.write(program())
            for file in (told, filtered):
                file.seek(0)
            self._process = subprocess.Popen(
                [
                    *scope(limits),
                    *(bwrap(), "--args", str(told.fileno()), "--seccomp", str(filtered.fileno())),
                    *("--", *command(), *map(str, passed), *words),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[*passed, told.fileno(), filtered.fileno()],
            )
        inside.close()
        self.output = Output()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def load(self, spec: PluginSpec) -> bytes:
        """Have the submission's class made; its traits as the worker says them."""
        source = f"{SUBMISSION}/{os.path.basename(spec.source)}"
        told = json.dumps(asdict(spec) | {"source": source}).encode()
        return self.call(Op.INIT, content=told, timeout_s=self._limits.start_s)[2]

    def call(
        self,
        op: Op,
        tensors: Sequence[Tensor] = (),
        content: bytes = b"",
        *,
        timeout_s: float | None = None,
        **numbers: int,
    ) -> tuple[Message, list[Tensor], bytes]:
        """Ask, and copy the answer out of reach before anybody looks at it.

        Raises what the worker says went wrong; `BoxError` if it had to be ended, or is.
        """
        self._begin()
        number = self._send(op, tensors, content, numbers)
        message = self._receive(op, timeout_s or self._limits.call_s, number)
        if message.code == Status.DONE:
            return message, self._reply.tensors(message), self._reply.content(message)
        text = harmless(self._reply.content(message).decode(errors="replace"))
        if message.code == Status.REFUSED:
            raise SubmissionError(text)
        if message.code == Status.MEMORY:
            raise self._end(BoxError(f"out of memory during {op.name.lower()!r}: {text}", MEMORY))
        if message.code == Status.DEVICE_MEMORY:  # fewer pictures may fit
            raise OutOfMemoryError(f"in the box: {text}")
        raise ContractError(text)

    def release(self, graph: int) -> None:
        """Have a kept call forgotten, before the next one; it may be called at any moment."""
        self._forgotten.append(graph)

    def _begin(self) -> None:
        """Wait until the process is there."""
        if self._verdict is not None:
            raise self._verdict
        if not self._ready:
            self._receive(Op.INIT, self._limits.start_s, 0)
            self._ready = True

    def _send(
        self, op: Op, tensors: Sequence[Tensor], content: bytes, numbers: Mapping[str, int]
    ) -> int:
        """Send a request, after what is to be forgotten; its number."""
        if select.select([self._link], [], [], 0)[0] and self._link.recv(SIZE, socket.MSG_PEEK):
            raise self._end(BoxError("the worker sent an answer that nobody had asked for", FAILED))
        self._number += 1
        layouts = self._request.put(tensors, content)
        message = Message(op, self._number, size=len(content), tensors=layouts, **numbers)
        try:
            while self._forgotten:
                self._link.send(pack(Message(Op.RELEASE, 0, graph=self._forgotten.popleft())))
            self._link.send(pack(message))
        except OSError:
            pass  # how it ended is found out by who waits for the answer
        return self._number

    def _receive(self, op: Op, timeout_s: float, number: int) -> Message:
        doing = repr(op.name.lower().replace("_", " ")) if number else "its start"
        if not select.select([self._link], [], [], timeout_s)[0]:
            late = f"no answer within {timeout_s:g} seconds during {doing}; the box was ended"
            raise self._end(BoxError(late, TIMEOUT))
        try:
            data = self._link.recv(SIZE + 1)
        except OSError:
            data = b""
        if not data:
            raise self._end(self._epitaph(doing))
        try:
            message = unpack(data, CODES)
            if message.number != number:
                raise WireError(f"an answer to request {message.number}, expected {number}")
        except WireError as problem:
            raise self._end(BoxError(f"the worker broke the protocol: {problem}")) from problem
        return message

    def _epitaph(self, doing: str) -> BoxError:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return BoxError(f"the worker hung up during {doing} and was ended")
        self._watcher.join(5)
        if self._verdict is not None:
            return self._verdict
        if code < 0 or code > 128:
            how = f"was killed by signal {-code if code < 0 else code - 128}"
        else:
            how = f"ended with code {code}"
        said = " ".join(str(self.output)[-LAST_WORDS:].split()) or "none"
        return BoxError(f"the worker in the box {how} during {doing}; its last words: {said}")

    def _end(self, verdict: BoxError) -> BoxError:
        """End the process for good; what was found first stays the reason."""
        self._verdict = self._verdict or verdict
        self._process.kill()
        return self._verdict

    def _watch(self) -> None:
        """Drain what is printed, and end a box that holds too much."""
        pipe = self._process.stdout
        if pipe is None:
            return
        looked = time.monotonic()
        while True:
            if select.select([pipe], [], [], EVERY_S)[0]:
                data = os.read(pipe.fileno(), 2**16)
                if not data:
                    break
                self.output.add(data)
            if time.monotonic() - looked >= EVERY_S:
                looked = time.monotonic()
                self._look()
        pipe.close()

    def _look(self) -> None:
        held, limits = usage(self._process.pid), self._limits
        if held.memory > limits.memory:
            sizes = f"{held.memory / 2**30:.1f} GiB, allowed are {limits.memory / 2**30:.1f}"
            self._end(BoxError(f"out of memory: the box held {sizes}", MEMORY))
        elif held.processes > limits.processes or held.threads > limits.threads:
            found = f"{held.processes} processes and {held.threads} threads"
            allowed = f"{limits.processes} and {limits.threads}"
            self._end(BoxError(f"the box ran {found}, allowed are {allowed}"))

    def stop(self) -> None:
        """End the process and give the memory back."""
        self._verdict = self._verdict or BoxError("the box was stopped")
        self._process.kill()
        self._process.wait()
        self._watcher.join(5)
        self._link.close()
        for buffer in (self._request, self._reply):
            buffer.close()
