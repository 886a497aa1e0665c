"""Strings of a manifest: a stranger wrote them, and terminals, pages and comments show them."""

import unicodedata
from difflib import get_close_matches
from typing import Annotated
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import AfterValidator, Field

NAME = "^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$"
HTTPS = r"^https://[!-~]+$"
CONTACT = r"^([^@\s<>]+@[^@\s<>]+\.[^@\s<>]+|@[A-Za-z0-9-]{1,39}|https://[!-~]+)$"
NAME_IN_WORDS = (
    "small letters, digits, hyphens and dots, a letter or digit first and last, at most 64"
)
FORBIDDEN = {
    "Cc": "a control character",
    "Cf": "an invisible character that can change how text is shown",
    "Cs": "half of a character",
    "Co": "a character of private use",
    "Cn": "a character that does not exist",
    "Zl": "a line break",
    "Zp": "a line break",
}
"""What no string may hold, by Unicode's category."""
MOST_MARKS = 2
"""Combining marks on one letter; more paint over the lines around."""
KNOWN_LICENSES = [
    "0BSD",
    "AGPL-3.0-only",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC0-1.0",
    "GPL-2.0-only",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "ISC",
    "LGPL-3.0-only",
    "MIT",
    "MPL-2.0",
    "Unlicense",
]
"""Suggested where a license is misspelt; any that SPDX lists is taken."""


def plain(text: str) -> str:
    """`text` if a person sees what it holds; a ValueError says what they would not."""
    marks = 0
    for place, character in enumerate(text, start=1):
        category = unicodedata.category(character)
        if category in FORBIDDEN:
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            raise ValueError(f"character {place} ({name}) is {FORBIDDEN[category]}; take it out")
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > MOST_MARKS:
            raise ValueError(f"character {place}: more than {MOST_MARKS} marks on one letter")
    if text != text.strip():
        raise ValueError("blanks at the beginning or the end; take them out")
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError("letters and their accents stand apart; write them composed (NFC)")
    return text


def link(text: str) -> str:
    """`text` if it is a web address that leads where it seems to."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as problem:
        raise ValueError(f"is no web address: {problem}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("a name before an @ hides where the address leads; take it out")
    if port not in (None, 443):
        raise ValueError(f"port {port}: expected an https address without a port")
    labels = host.split(".")
    if len(labels) < 2 or not all(labels) or not labels[-1].isalpha():
        raise ValueError(f"host {host!r}: expected the name of a public server")
    if any(mark in text for mark in "\"'<>\\^`{|}"):
        raise ValueError("expected no quotes, brackets or backslashes; write them as %22, %3C …")
    return text


def spdx(text: str) -> str:
    """`text` if it is an SPDX license expression, spelled as SPDX does."""
    try:
        canonical = canonicalize_license_expression(text)
    except (InvalidLicenseExpression, RecursionError, SyntaxError, MemoryError):
        given = text.replace(" ", "-")
        near = [known for known in KNOWN_LICENSES if known.casefold().startswith(given.casefold())]
        near = near or get_close_matches(given, KNOWN_LICENSES, n=1, cutoff=0.8)
        remedy = f"did you mean {near[0]}?" if near else f"for example {KNOWN_LICENSES[2]} or MIT"
        raise ValueError(f"expected an SPDX license identifier; {remedy}") from None
    if canonical != text:
        raise ValueError(f"SPDX spells it {canonical}")
    return text


def skeleton(name: str) -> str:
    """What a hasty reader sees of a name: case, blanks, hyphens and look-alikes left out."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    alike = str.maketrans("01i35", "olles")
    return "".join(c for c in folded.translate(alike) if c.isalnum())


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(plain)]
"""A line of text."""
Title = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(plain)]
"""What stands on a board."""
Sentence = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(plain)]
"""A sentence or two."""
Link = Annotated[str, Field(pattern=HTTPS, max_length=500), AfterValidator(link)]
"""An https address."""
License = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(spdx)]
"""An SPDX license expression."""
