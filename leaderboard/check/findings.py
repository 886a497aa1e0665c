"""What a check found, as plain data."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from benchmark.errors import DataError
from benchmark.tables import brief

LONGEST = 1000
MOST = 500


class Level(StrEnum):
    """How bad it is; an error keeps a submission out, the others do not."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `says` may quote the submission; it is one printable line."""

    level: Level
    part: str
    says: str
    file: str | None = None
    line: int | None = None

    @property
    def place(self) -> str:
        """The file and line, as far as they are known."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Report:
    """Everything that was found about a submission."""

    submission: str
    findings: tuple[Finding, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether nothing keeps the submission out."""
        return not any(finding.level == Level.ERROR for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 if it passed, 1 otherwise."""
        return 0 if self.passed else 1

    def content(self) -> dict[str, Any]:
        """The report for programs."""
        return {"schema": 1, "passed": self.passed, **asdict(self)}


def found(
    level: Level, part: str, says: object, file: str | None = None, line: int | None = None
) -> Finding:
    """A finding whose text cannot act on a terminal."""
    name = None if file is None else brief(file, 200)
    return Finding(level, part, brief(says, LONGEST), name, line)


def report_from(text: str) -> Report:
    """A report that came as JSON from somewhere that ran a stranger's code."""
    try:
        content = json.loads(text)
        findings = tuple(_finding(one) for one in content["findings"][:MOST])
        return Report(brief(content["submission"], 100), findings)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise DataError(
            f"this is no report of `squeezebench check`: {brief(problem, 200)}"
        ) from None


def _finding(content: dict[str, Any]) -> Finding:
    line = content.get("line")
    file = content.get("file")
    return found(
        Level(content["level"]),
        brief(content["part"], 60),
        content["says"],
        None if file is None else str(file),
        line if isinstance(line, int) else None,
    )


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among them."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
