"""The tree of deliberate errors. Each message says what was given, what was expected, what to do.

SqueezebenchError
├── CallError            the call was wrong (exit code 2)
│   ├── UnknownNameError     a name that is in no table; suggests the nearest
│   ├── ProtocolError        a protocol file that does not say what a protocol must
│   └── SubmissionError      a submission folder or manifest that is not as it must be
├── DataError            a dataset or weight file is missing, truncated or altered
├── ContractError        a plugin returned what its interface forbids
├── StoreError           the database cannot be read or written
└── EngineError          a worker died or could not go on
    └── BoxError             the sandbox ended a submission, or could not begin
"""

from collections.abc import Iterable
from difflib import get_close_matches


class SqueezebenchError(Exception):
    """The work failed for a reason that the message names; exit code 1.

    `status` is what a run is called that it ended.
    """

    exit_code = 1
    status = "failed"


class CallError(SqueezebenchError):
    """The call was wrong: nothing was started, nothing was written; exit code 2."""

    exit_code = 2


class UnknownNameError(CallError):
    """A name that no table holds; the message suggests the nearest one."""

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        """Word the message from the `kind` of thing, the name `given` and the names `known`."""
        names = sorted(known)
        near = get_close_matches(given, names, n=1, cutoff=0.5)
        near = near or [name for name in names if given and given in name]
        remedy = f"did you mean {near[0]}?" if near else f"known: {', '.join(names) or 'none'}"
        super().__init__(f"unknown {kind} {given!r}; {remedy}")


class ProtocolError(CallError):
    """A protocol file that does not say what a protocol must."""


class SubmissionError(CallError):
    """A submission folder or manifest that is not as it must be."""


class DataError(SqueezebenchError):
    """A dataset or weight file that is missing, truncated or altered."""


class ContractError(SqueezebenchError):
    """A plugin returned what its interface forbids."""


class StoreError(SqueezebenchError):
    """The database cannot be read or written."""


class EngineError(SqueezebenchError):
    """A worker died or could not go on."""


class BoxError(EngineError):
    """The sandbox ended a submission, or could not begin; `status` says in which way."""

    def __init__(self, message: str, status: str = "failed") -> None:
        """`status` is `failed`, `timeout` or `out-of-memory`."""
        super().__init__(message)
        self.status = status
