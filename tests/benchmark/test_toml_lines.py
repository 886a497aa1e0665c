"""Lines of keys, against texts whose lines are plain to see, and against what tomllib reads."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.toml_lines import line_at, lines_of

TEXT = '''# a comment
schema = 1
"quoted key" = "a # no comment"
long = """
[not.a.table]
key = 1
"""
list = [
  1, # [no.table]
  "]",
]

[defense]
kind = 'x'   # kind = "y"
sub.name = { a = 1, b = [2] }

[[variant]]
id = "a"

  [[variant]]
  id = "b"
[variant.parameters]
quality = 3
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("schema",), 2),
        (("quoted key",), 3),
        (("long",), 4),
        (("list",), 8),
        (("defense",), 13),
        (("defense", "kind"), 14),
        (("defense", "sub", "name"), 15),
        (("variant", 0, "id"), 18),
        (("variant", 1), 20),
        (("variant", 1, "id"), 21),
        (("variant", 1, "parameters", "quality"), 23),
    ],
)
def test_lines(path: tuple[str | int, ...], line: int) -> None:
    assert lines_of(TEXT)[path] == line


def test_what_has_no_line_of_its_own_stands_where_its_table_does() -> None:
    lines = lines_of(TEXT)
    assert line_at(lines, ("defense", "sub", "name", "b", 0)) == 15
    assert line_at(lines, ("list", 1)) == 8
    assert line_at(lines, ("none",)) is None
    assert ("not", "a", "table") not in lines
    assert lines_of("") == {}
    assert lines_of("#") == {}
    assert lines_of("a = 1 #") == {("a",): 1}


names = st.text("abcxyz-_019", min_size=1, max_size=6)
values = st.sampled_from(["1", "true", "'a'", '"b # c"', "[1, 2]", "{ a = 1 }", '"""\nx\n"""'])


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=4), max_size=5))
@settings(max_examples=100, deadline=None)
def test_every_key_that_tomllib_reads_has_its_line(tables: dict[str, dict[str, str]]) -> None:
    text, expected, number = "", {}, 0
    for table, keys in tables.items():
        text += f"[{table}]\n"
        number += 1
        expected[table,] = number
        for key, value in keys.items():
            expected[table, key] = number + 1
            text += f"{key} = {value}\n"
            number += 1 + value.count("\n")
    parsed: dict[str, Any] = tomllib.loads(text)
    assert {(t, k) for t, keys in parsed.items() for k in keys} <= expected.keys()
    found = lines_of(text)
    assert {path: found[path] for path in expected} == expected
