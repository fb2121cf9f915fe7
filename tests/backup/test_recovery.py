import hashlib
from datetime import UTC, datetime

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.crypto import Keys
from lpse_ops.backup.recovery import (
    ALPHABET,
    LINES,
    RecoverySecret,
    SheetFacts,
    parse_sheet,
    render_code,
    render_payload,
    render_qr,
    render_sheet,
)
from lpse_ops.errors import RepositoryError

SECRET = RecoverySecret(
    keys=Keys(bytes(range(1, 33)), b"k" * 16, b"r" * 16),
    repository_id="4f0c" * 16,
    polynomial=0x25B468838DCB75,
)
OTHER = RecoverySecret(SECRET.keys, "1234" * 16, SECRET.polynomial)
FACTS = SheetFacts("LPSE Kabupaten Contoh", "/mnt/backup/repo", datetime(2026, 3, 9, tzinfo=UTC))
CODE = render_code(SECRET)


def secrets() -> st.SearchStrategy[RecoverySecret]:
    def key(size: int) -> st.SearchStrategy[bytes]:
        return st.binary(min_size=size, max_size=size).filter(any)

    return st.builds(
        RecoverySecret,
        st.builds(Keys, key(32), key(16), key(16)),
        key(32).map(bytes.hex),
        st.integers(0, (1 << 64) - 1),
    )


def parse_lines(lines: list[str]) -> RecoverySecret:
    return parse_sheet("\n".join(lines))


def refusal(lines: list[str]) -> str:
    with pytest.raises(RepositoryError) as refused:
        parse_lines(lines)
    assert "lpse-ops" in refused.value.hint
    return refused.value.message


@given(secrets())
def test_round_trip(secret: RecoverySecret) -> None:
    assert parse_sheet(render_sheet(secret, FACTS)) == secret
    assert parse_lines(render_code(secret)) == secret


def test_the_sheet_is_read_however_it_is_typed() -> None:
    sloppy = [line.lower().replace("0", "o").replace("1", "l") for line in CODE]
    assert parse_lines(sloppy) == SECRET
    assert (
        parse_lines([f"{n}. {line[:3]} - {line[3:]}\r" for n, line in enumerate(CODE, 1)]) == SECRET
    )
    assert parse_sheet("".join(CODE)) == SECRET
    assert parse_sheet("\n\n" + " ".join(CODE).replace("1", "I") + "\n") == SECRET


def test_the_sheet_says_what_it_is() -> None:
    sheet = render_sheet(SECRET, FACTS)
    assert sheet.startswith("LEMBAR PEMULIHAN\n")
    for fact in (
        FACTS.site,
        FACTS.location,
        SECRET.repository_id,
        "9 Maret 2026",
        "amplop tersegel",
        "lpse-ops backup key recover",
    ):
        assert fact in sheet
    assert max(map(len, sheet.splitlines())) <= 80


def test_a_stranger_finds_each_key_where_the_sheet_says() -> None:
    symbols = "".join(f"{ALPHABET.index(c):05b}" for line in CODE for c in line[:-4])
    content = int(symbols, 2).to_bytes(110, "big")
    assert content[0] == 1
    assert content[1:33] == SECRET.keys.encrypt
    assert content[33:49] == SECRET.keys.mac_k
    assert content[49:65] == SECRET.keys.mac_r
    assert content[65:97].hex() == SECRET.repository_id
    assert int.from_bytes(content[97:105], "big") == SECRET.polynomial
    assert content[105:] == hashlib.sha256(content[:105]).digest()[:5]


def test_every_wrong_character_is_found_and_its_line_named() -> None:
    for number, line in enumerate(CODE):
        for at, right in enumerate(line):
            for wrong in ALPHABET.replace(right, ""):
                typed = [*CODE]
                typed[number] = line[:at] + wrong + line[at + 1 :]
                assert f": line {number + 1} has a typo" in refusal(typed)


def test_every_swap_of_neighbours_is_found_and_its_line_named() -> None:
    for number, line in enumerate(CODE):
        for at in range(len(line) - 1):
            swapped = line[:at] + line[at + 1] + line[at] + line[at + 2 :]
            if swapped != line:
                typed = [*CODE]
                typed[number] = swapped
                assert f": line {number + 1} has a typo" in refusal(typed)


@given(st.integers(0, LINES - 1), st.dictionaries(st.integers(0, 19), st.sampled_from(ALPHABET)))
def test_up_to_four_wrong_characters_of_a_line_are_found(
    number: int, changes: dict[int, str]
) -> None:
    line = "".join(changes.get(at, right) for at, right in enumerate(CODE[number]))
    wrong = sum(one != two for one, two in zip(line, CODE[number], strict=True))
    if 1 <= wrong <= 4:
        typed = [*CODE]
        typed[number] = line
        assert f": line {number + 1} has a typo" in refusal(typed)


def test_lines_in_the_wrong_order_are_located() -> None:
    for one in range(LINES):
        for two in range(one):
            typed = [*CODE]
            typed[one], typed[two] = typed[two], typed[one]
            message = refusal(typed)
            assert f"in place of line {one + 1} stands line {two + 1}" in message
            assert f"in place of line {two + 1} stands line {one + 1}" in message


def test_a_missing_line_is_named() -> None:
    for number in range(LINES):
        message = refusal(CODE[:number] + CODE[number + 1 :])
        assert message.endswith(f"it has 10 lines instead of 11, line {number + 1} is missing")


def test_all_faults_are_told_at_once() -> None:
    typed = [CODE[0][:-1], CODE[1].replace(CODE[1][3], "U"), CODE[2][::-1], *CODE[3:], CODE[5]]
    message = refusal(typed)
    assert "line 1 has 19 characters instead of 20" in message
    assert "line 2 holds U" in message
    assert "line 3 has a typo" in message
    assert "12 lines instead of 11, line 1 or 2 or 3 is missing" in message
    assert "12 lines instead of 11" in refusal([*CODE, CODE[0]])
    assert "0 lines" in refusal([])


def test_lines_of_two_sheets_do_not_mix() -> None:
    assert "not from one sheet" in refusal([*CODE[:8], *render_code(OTHER)[8:]])


def test_a_sheet_of_a_newer_version_is_refused() -> None:
    assert "version 2" in refusal(render_payload(b"\2" + bytes(104)))


def test_no_repr_shows_the_secret() -> None:
    assert repr(SECRET) == f"RecoverySecret(repository_id={'4f0c' * 16!r}, ...)"


def test_the_qr_code_holds_the_code() -> None:
    expected = [[bool(m) for m in row] for row in qr_matrix("".join(CODE))]
    assert read_blocks(render_qr(SECRET, paper=True)) == expected
    inverted = [[not module for module in row] for row in expected]
    assert read_blocks(render_qr(SECRET)) == inverted
    ascii_rows = render_qr(SECRET, paper=True, ascii_only=True).splitlines()
    assert [[pair == "#" for pair in row[::2]] for row in ascii_rows] == expected
    assert max(map(len, render_qr(SECRET).splitlines())) <= 79


def qr_matrix(text: str) -> list[list[int]]:
    code = segno.make_qr(text, error="m")
    assert code.mode == "alphanumeric"
    return [[*row] for row in code.matrix_iter(border=4)]


def read_blocks(text: str) -> list[list[bool]]:
    rows = []
    for line in text.splitlines():
        rows.append([block in "█▀" for block in line])
        rows.append([block in "█▄" for block in line])
    # An odd number of rows is filled up with one that is light.
    return rows[:-1]
