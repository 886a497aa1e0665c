"""The manifest: errors with file, line and key; strings that mean harm; 500 mutations."""

import random
import shutil
import tomllib
from pathlib import Path

import pytest

from benchmark.errors import SubmissionError
from benchmark.tables import Complaint, parsed
from leaderboard.submission import MANIFEST, SUBMISSIONS, Manifest, load
from leaderboard.submission.schema import PUBLISHED, schema_text
from leaderboard.submission.text import skeleton

WHOLE = """schema = 1
name = "whole"
version = "1.0"
title = "Whole"
authors = ["Ada Lovelace", "Émilie du Châtelet"]
contact = "@ada"
license = "Apache-2.0 OR MIT"
paper = "https://arxiv.org/abs/1608.00853"
url = "https://example.org/a_b?c=d#e"

[defense]
kind = "codec"
entry = "defense:Whole"
gradient = "none"
randomized = false

[[variant]]
id = "q1"
parameters = { quality = 1, name = "x", share = 0.5, on = true }

[[variant]]
id = "q2"

[[weights]]
url = "https://example.org/files/net.safetensors"
sha256 = "%s"
bytes = 1234

[training]
datasets = ["ImageNet-1k training set"]
uses_test_data = false

[limits]
memory_mb = 2048

[claims.q1]
protocol = "imagenette-v1"
robust_accuracy = 0.25

[[notes]]
text = "x < 5 & y > 6"
""" % ("a" * 64)


def write(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "whole"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    (folder / "defense.py").write_text("", encoding="utf-8")
    return folder


def test_a_whole_manifest(tmp_path: Path) -> None:
    manifest = load(write(tmp_path, WHOLE)).manifest
    assert manifest.weights[0].name == "net.safetensors"
    assert manifest.claims["q1"].robust_accuracy == 0.25
    assert (manifest.limits.memory_mb, manifest.limits.call_seconds) == (2048, 900)
    assert manifest.variants[0].parameters == {
        "quality": 1,
        "name": "x",
        "share": 0.5,
        "on": True,
    }


def replaced(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("kind =", "knid =", 12, "unknown key 'defense.knid'; did you mean 'kind'?"),
        ('"codec"', '"codex"', 12, "key 'defense.kind' is 'codex'; input should be 'codec'"),
        ('license = "Apache-2.0 OR MIT"', 'license = "Apache 2"', 7, "did you mean Apache-2.0?"),
        ('"Apache-2.0 OR MIT"', '"apache-2.0"', 7, "SPDX spells it Apache-2.0"),
        ("https://arxiv", "http://arxiv", 8, "key 'paper' is 'http://arxiv"),
        ("https://arxiv", "http://arxiv", 8, "; expected an https address in plain characters"),
        ("https://arxiv.org", "https://arxiv.org@evil.example", 8, "hides where"),
        ("https://example.org/a_b", "https://localhost/a", 9, "name of a public server"),
        ("https://example.org/a_b", "https://example.org:8443/a", 9, "without a port"),
        ("https://example.org/a_b", "https://10.0.0.1/a", 9, "name of a public server"),
        ('"1.0"', '"1 0"', 3, "key 'version' is '1 0'; expected letters, digits, dots, + and -"),
        ('"@ada"', '"ada"', 6, "key 'contact' is 'ada'; expected a mail address, @name, or an"),
        ("defense:Whole", "Defense:Whole", 13, "expected file:Class, a Python file of small"),
        ('license = "Apache-2.0 OR MIT"', 'license = "my license"', 7, "for example Apache-2.0"),
        ('license = "Apache-2.0 OR MIT"', 'license = "BSD"', 7, "did you mean BSD-2-Clause?"),
        ('id = "q2"', 'id = "q1"', 17, "two variants have the same id: q1"),
        ('id = "q2"', 'id = "Q2"', 22, "key 'variant.1.id' is 'Q2'; expected small letters"),
        ("quality = 1", "class = 1", 19, "'class' cannot be the name of a Python argument"),
        ("share = 0.5", "share = inf", None, "has no place in it"),
        ("share = 0.5", "share = 1979-05-27", None, "is a date; put it into quotes"),
        ("quality = 1", "quality = [1]", 19, "key 'variant.0.parameters.quality"),
        ("bytes = 1234", "bytes = 0", 27, "key 'weights.0.bytes' is 0"),
        ("a" * 64, "A" * 64, 26, "expected 64 hexadecimal digits in small letters"),
        ("net.safetensors", "net.pt", 24, "expected a .safetensors file"),
        ("uses_test_data = false", 'uses_test_data = "no"', 31, "should be a valid boolean"),
        ("memory_mb = 2048", "memory_mb = 9", 34, "key 'limits.memory_mb' is 9"),
        ("[claims.q1]", "[claims.q9]", 36, "[claims.q9]: no such variant; known: q1, q2"),
        ("= 0.25", "= 25", 38, "key 'claims.q1.robust_accuracy' is 25; expected a share of 1"),
        ("imagenette-v1", "imagenete-v1", 37, "did you mean imagenette-v1?"),
        ('name = "whole"\n', 'name = "whole\n', None, "is not TOML"),
        ("schema = 1", "schema = 9" * 1, 1, "key 'schema' is 9; input should be 1"),
    ],
)
def test_errors_name_line_key_given_and_allowed(
    tmp_path: Path, old: str, new: str, line: int | None, says: str
) -> None:
    folder = write(tmp_path, replaced(old, new))
    complaints = parsed(folder / MANIFEST, Manifest)
    assert isinstance(complaints, list)
    (first, *_) = complaints
    assert says in first.says
    assert first.line == line
    with pytest.raises(SubmissionError) as raised:
        load(folder)
    assert str(folder / MANIFEST) in str(raised.value)
    assert (f"line {line}:" in str(raised.value)) == (line is not None)


@pytest.mark.parametrize(
    ("title", "says"),
    [
        (r"a\u001b[31mb", "character 2 (U+001B) is a control character"),
        (r"a\nb", "character 2 (U+000A) is a control character"),
        (r"abc\u202Edef", "RIGHT-TO-LEFT OVERRIDE"),
        (r"a\u200Bb", "ZERO WIDTH SPACE"),
        (r"a\u2028b", "LINE SEPARATOR"),
        (r"a\uE000b", "private use"),
        (r"e\u0301", "composed (NFC)"),
        (r"x\u0316\u0317\u0318", "more than 2 marks"),
        (" a", "blanks at the beginning"),
        ("", "at least 1 character"),
        ("x" * 81, "at most 80 characters"),
    ],
)
def test_strings_that_mean_harm(tmp_path: Path, title: str, says: str) -> None:
    folder = write(tmp_path, replaced('"Whole"', f'"{title}"'))
    with pytest.raises(SubmissionError) as raised:
        load(folder)
    assert says in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("title", ["<b>bold</b>", "x < 5", "`code` @all", "日本語の防御"])
def test_strings_that_are_only_escaped_where_they_are_shown(tmp_path: Path, title: str) -> None:
    assert load(write(tmp_path, replaced('"Whole"', f"'{title}'"))).manifest.title == title


def test_every_problem_is_listed(tmp_path: Path) -> None:
    text = replaced("kind =", "knid =").replace('"1.0"', '"1 0"').replace("= 1234", "= -1")
    complaints = parsed(write(tmp_path, text) / MANIFEST, Manifest)
    assert isinstance(complaints, list)
    assert {one.line for one in complaints} >= {3, 12, 27}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "is not UTF-8"),
        (b"a = " + b"[" * 20_000, "is nested too deeply|is not TOML"),
        (b"a = " + b"9" * 10_000, "has no place in it|is not TOML"),
        (b"a" * 300_000, "has 300000 bytes; expected at most"),
        (b"", "key 'schema' is missing"),
    ],
)
def test_files_that_are_no_manifest(tmp_path: Path, content: bytes, says: str) -> None:
    folder = write(tmp_path, "")
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(SubmissionError, match=says):
        load(folder)


def test_names_that_read_alike() -> None:
    assert skeleton("J-PEG") == skeleton("jpeg") == skeleton("jp.eg")
    assert skeleton("jpeg2000") != skeleton("jpeg")
    assert skeleton("e1ic") == skeleton("elic") == skeleton("eIic")


def test_the_published_schema_is_that_of_the_classes() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


def mutated(source: bytes, draw: random.Random) -> bytes:
    """The text with some bytes, lines or values of it changed, moved, doubled or made hostile."""
    content = bytearray(source)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(content) + 1)
        match draw.randrange(7):
            case 0:
                content[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del content[at : at + draw.randint(1, 40)]
            case 2:
                content[at:at] = draw.choice(HOSTILE)
            case 3:
                lines = bytes(content).split(b"\n")
                draw.shuffle(lines)
                content = bytearray(b"\n".join(lines))
            case 4:
                content[at:at] = content[: draw.randint(0, 60)]
            case 5:
                equals = [i for i, byte in enumerate(content) if byte == ord("=")]
                if equals:
                    start = draw.choice(equals) + 1
                    end = content.find(b"\n", start)
                    content[start : len(content) if end < 0 else end] = draw.choice(VALUES)
            case 6:
                content[at:at] = draw.choice(HOSTILE) * draw.randint(1, 200)
    return bytes(content)


HOSTILE = [
    *(b"\x00", b"\x1b[31m", b"\r", b'"""', b"'''", b"[[", b"]]", b"{", b"#", b"\\", b"\xc3"),
    *("\u202e".encode(), "é".encode(), b"<script>", b"`", b"../", b"[a.b]\n", b"\\uD800"),
    *(b"nan", b"1e999", b"=", b".", b'"', b"-" * 50, b"__class__", b"%s", b"{{7*7}}"),
]
VALUES = [
    *(b' ""', b" 0", b" -1", b" 1e400", b" nan", b" [[[[]]]]", b" {a={b={c=1}}}", b" true"),
    *(b' "\\u0000"', b' "https://a@b.c"', b' "javascript:alert(1)"', b" 1979-05-27", b" []"),
    *(b' "' + b"x" * 5000 + b'"', b" 99999999999999999999999", b" {}", b' "../../x:Y"'),
]


@pytest.mark.parametrize("seed", range(10))
def test_500_mutated_manifests(tmp_path: Path, seed: int) -> None:
    """Never anything but a deliberate error, and nothing accepted that says what is not so."""
    draw = random.Random(seed)
    sources = [WHOLE.encode()] + [path.read_bytes() for path in MANIFESTS]
    folder = write(tmp_path, "")
    accepted = 0
    for _ in range(50):
        text = mutated(draw.choice(sources), draw)
        (folder / MANIFEST).write_bytes(text)
        given = parsed(folder / MANIFEST, Manifest)
        if isinstance(given, Manifest):
            accepted += 1
            assert_is_no_lie(given, text)
        else:
            assert given
            assert all(isinstance(one, Complaint) and one.says.isprintable() for one in given)
            with pytest.raises(SubmissionError) as raised:
                load(folder)
            assert str(raised.value).isprintable()
    assert accepted < 50


def assert_is_no_lie(manifest: Manifest, text: bytes) -> None:
    """What was accepted is what tomllib reads, and shows what it holds."""
    content = tomllib.loads(text.decode().replace("\r\n", "\n"))
    assert manifest.name == content["name"]
    assert manifest.defense.kind == content["defense"]["kind"]
    assert [variant.id for variant in manifest.variants] == [v["id"] for v in content["variant"]]
    told = [manifest.title, *manifest.authors, manifest.license, *(n.text for n in manifest.notes)]
    assert all(line.isprintable() for line in told)
    assert all(
        (link or "https://").startswith("https://") for link in (manifest.paper, manifest.url)
    )
    dumped = manifest.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert dumped.keys() == content.keys()


MANIFESTS = sorted(SUBMISSIONS.glob(f"*/{MANIFEST}"))


def test_every_bundled_manifest_is_still_accepted() -> None:
    assert all(isinstance(parsed(path, Manifest), Manifest) for path in MANIFESTS)


def test_a_link_in_the_folder_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SUBMISSIONS / "jpeg", tmp_path / "jpeg"))
    (folder / "labels.csv").symlink_to("/etc/passwd")
    with pytest.raises(SubmissionError, match=r"labels\.csv is a link; put the file itself there"):
        load(folder)
