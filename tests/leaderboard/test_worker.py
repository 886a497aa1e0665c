"""What a worker says of errors that are nobody's design."""

import pytest
import torch

from leaderboard.engine.worker import Worker


@pytest.mark.parametrize(
    ("work", "status"),
    [
        (lambda _: torch.empty(2**50, dtype=torch.uint8), "out-of-memory"),
        (lambda _: bytearray(2**62), "out-of-memory"),
        (lambda _: 1 / 0, "failed"),
    ],
)
def test_memory_that_is_not_there_is_named(
    work: object, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real allocations, of a petabyte and more, which no system gives."""
    worker = Worker()
    monkeypatch.setattr(worker, "_operations", {"work": work})
    reply = worker.answer({"operation": "work", "content": {}})
    assert (reply["status"], reply["exit_code"]) == (status, 1)
