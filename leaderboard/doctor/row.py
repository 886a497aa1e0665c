"""A row of what the doctor says."""

from typing import NamedTuple


class Row(NamedTuple):
    """One part of a machine: what it is there for, whether it is there, and what to say of it."""

    group: str
    part: str
    ok: bool
    says: str
