"""application.conf taken apart as Java does it, and put together without a byte lost."""

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.spse.configuration import Item, join_items, parse_configuration, terminate

SITE = """\
# Yang perlu diset oleh ITO saat instalasi
application.mode=prod
http.port = 9090
http.path:/eproc4

! lama
db=postgres://epns:rahasia@localhost:5432/epns_prod
%prod.application.log INFO
jvm.memory=-Xmx2g \\
    -Xms1g
"""
TRICKY = [
    "",
    "\n\n",
    "a",
    "a=",
    "=b",
    "a b=c",
    "a\tb",
    "  a  =  b  ",
    "a==b",
    "a:=b",
    "a\\ b=c",
    "a\\=b:c",
    "a=b\\",
    "a=b\\\\",
    "a=b\\\\\\\nc=d",
    "a=b\\\n   c\\\n\td\ne=f",
    "a=b\\\n\nc=d",
    "a=b\\\n  \nc=d",
    "a=b\\\n# no comment\nc=d",
    "a=b\\\n! no comment",
    "# comment \\\na=b",
    "a=1\na=2\nA=3",
    "a=b\r\nc=d\re=f\n",
    "a=b\\\r\n c\r\nd=e",
    "a=b\\\r c",
    "\\\na=b",
    "\\\n#a=b",
    "  \\\n  \\\n a=b",
    "a=\\u0041\\t\\n\\q\\:",
    "a=\\u00e9\\uD83D\\uDE00",
    "\\u0061=b",
    "a=\\u12",
    "a=\\u12zz",
    "\ufeff# comment\na=b",
    "a=é – ü",
    "a=\fb\f",
    "a\\\n =b",
    "a \\\n = b",
    "a\\",
    "\\",
    "\\\n",
    "\\\n\\\n",
    "\\\n\na=b",
]


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory):
    """Ask Java what it reads in texts: a dictionary each, None where it refuses."""
    folder = tmp_path_factory.mktemp("java")
    source = Path(__file__).with_name("ReadProperties.java")
    subprocess.run(["javac", "-d", folder, source], check=True)

    def ask(texts: list[str]) -> list[dict[str, str] | None]:
        files = []
        for number, text in enumerate(texts):
            files.append(folder / f"{number}.conf")
            files[-1].write_bytes(text.encode())
        argv = ["java", "-Xshare:auto", "-cp", folder, "ReadProperties", *files]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        return [decode(line) for line in done.stdout.splitlines()]

    return ask


def decode(line: str) -> dict[str, str] | None:
    if line == "!":
        return None
    pairs = (each.partition(".") for each in line.split())
    return {plain(key): plain(value) for key, _, value in pairs}


def plain(text: str) -> str:
    return base64.b64decode(text + "===").decode("utf-16-be", "surrogatepass")


def values_of(text: str) -> dict[str, str] | None:
    try:
        return parse_configuration(text.encode()).values
    except ValueError:
        return None


def random_texts() -> list[str]:
    """Some thousand texts of what matters to the parser; the same in every run."""
    import random

    draw = random.Random(7)
    alphabet = [
        "a",
        "b",
        "=",
        ":",
        " ",
        "\t",
        "\f",
        "#",
        "!",
        "\\",
        "\\",
        "\n",
        "\n",
        "\r",
        "\\u0041",
    ]
    return ["".join(draw.choices(alphabet, k=draw.randrange(1, 24))) for _ in range(3000)]


def test_java_reads_the_same(java, tmp_path: Path):
    texts = [SITE, *TRICKY, *random_texts()]
    judged = java(texts)
    assert len(judged) == len(texts)
    for text, theirs in zip(texts, judged, strict=True):
        assert values_of(text) == theirs, repr(text)


def test_what_a_site_writes():
    configuration = parse_configuration(SITE.encode())
    assert configuration.values == {
        "application.mode": "prod",
        "http.port": "9090",
        "http.path": "/eproc4",
        "db": "postgres://epns:rahasia@localhost:5432/epns_prod",
        "%prod.application.log": "INFO",
        "jvm.memory": "-Xmx2g -Xms1g",
    }
    assert [each.line for each in configuration.items if each.key] == [2, 3, 4, 7, 8, 9]


@pytest.mark.parametrize("text", [SITE, *TRICKY])
def test_no_byte_is_lost(text: str):
    if values_of(text) is not None:
        assert parse_configuration(text.encode()).render() == text.encode()


@given(st.binary(max_size=200))
def test_no_byte_of_anything_is_lost(content: bytes):
    try:
        configuration = parse_configuration(content)
    except ValueError:
        return
    assert configuration.render() == content


@given(st.lists(st.sampled_from([each for each in TRICKY if each.strip("\\\n")]), max_size=5))
def test_items_can_be_joined(texts: list[str]):
    """Whatever a file ends with, what is put behind it is not taken in."""
    parsed = [parse_configuration(each.encode()) for each in texts if values_of(each) is not None]
    joined = join_items((item for each in parsed for item in each.items), "\n")
    expected = {key: value for each in parsed for key, value in each.values.items()}
    assert parse_configuration(joined.render()).values == expected


def test_a_damaged_escape_is_said_without_the_value():
    with pytest.raises(ValueError, match="line 2: an escape") as damaged:
        parse_configuration(b"a=b\ndb.pass=rahasia\\u12\n")
    assert "rahasia" not in str(damaged.value)


def test_lines_end_as_in_the_file():
    assert parse_configuration(b"a=b\r\nc=d\n").newline == "\r\n"
    assert parse_configuration(b"a=b").newline == "\n"
    assert parse_configuration(b"").newline == "\n"
    assert terminate(Item("a=b", 1, "a", "b"), "\r\n").raw == "a=b\r\n"
