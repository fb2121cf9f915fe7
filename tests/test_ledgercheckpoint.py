"""Checkpoints as they are signed, mailed, printed and typed again."""

from pathlib import Path

import pytest

from lpse_ops.errors import LedgerError
from lpse_ops.ledgercheckpoint import (
    Checkpoint,
    CheckpointFolder,
    find_checkpoints,
    load_checkpoints,
    parse_checkpoint,
)

ROOT = bytes(range(32))
CHECKPOINT = Checkpoint("lpse-contoh", 12, ROOT)
TEXT = "lpse-contoh\n12\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
PAPER = "lpse-contoh 12 00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f"


def test_the_text_has_the_shape_of_c2sp():
    assert CHECKPOINT.text() == TEXT
    assert parse_checkpoint(TEXT) == CHECKPOINT


def test_paper_shows_the_root_in_hexadecimal():
    assert CHECKPOINT.paper() == PAPER


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        PAPER,
        f"Dear LKPP,\n\n{TEXT}\nregards\n",
        "".join(f"> {line}\r\n" for line in TEXT.splitlines()),
        f"  {PAPER.upper().replace('LPSE-CONTOH', 'lpse-contoh')}  ",
        f"lpse-contoh 12\n{ROOT.hex()[:32]}\n{ROOT.hex()[32:]}",
        f"lpse-contoh 12 {ROOT.hex()}",
    ],
    ids=["text", "paper", "mail", "quoted", "upper", "lines", "plain"],
)
def test_it_is_found_in_what_people_keep(text: str):
    assert find_checkpoints(text) == [CHECKPOINT]


@pytest.mark.parametrize(
    "text",
    ["", TEXT[:-3], TEXT.replace("12", "012"), TEXT.replace("12", "x"), PAPER[:-1], f"{PAPER}0"],
    ids=["empty", "cut", "zero", "letter", "short", "long"],
)
def test_what_is_none_is_not_found(text: str, tmp_path: Path):
    assert find_checkpoints(text) == []
    with pytest.raises(ValueError, match="no checkpoint"):
        parse_checkpoint(text)
    (tmp_path / "kept").write_text(text)
    with pytest.raises(LedgerError, match="no checkpoint in") as none:
        load_checkpoints(tmp_path / "kept")
    assert "log checkpoint" in none.value.hint


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(LedgerError, match="cannot read the checkpoint"):
        load_checkpoints(tmp_path / "none")


def test_the_folder_lists_them_by_size_and_ignores_the_rest(tmp_path: Path):
    folder = CheckpointFolder(tmp_path / "a" / "checkpoints", "lpse-contoh")
    assert list(folder.all()) == []
    for size in (10, 9, 100):
        folder.save(Checkpoint("lpse-contoh", size, ROOT), "signature\n", "ssh-ed25519 AAAA")
    (folder.folder / "x.txt").touch()
    (folder.folder / ".1.txt.tmp").touch()
    assert [each.size for each in folder.all()] == [9, 10, 100]
    assert folder.signature(9) == "signature\n"
    assert folder.signature(11) == ""
    signers = (tmp_path / "a" / "allowed_signers").read_text()
    assert signers == 'lpse-contoh namespaces="lpse-ops-ledger@v1" ssh-ed25519 AAAA\n'
    folder.save(Checkpoint("lpse-contoh", 101, ROOT), "signature\n", "ssh-ed25519 BBBB")
    assert (tmp_path / "a" / "allowed_signers").read_text() == signers + signers.replace(
        "AAAA", "BBBB"
    )


@pytest.mark.parametrize("text", ["", TEXT, TEXT.replace("12", "13").replace("contoh", "lain")])
def test_a_checkpoint_that_is_not_what_its_name_says_is_an_error(tmp_path: Path, text: str):
    folder = CheckpointFolder(tmp_path, "lpse-contoh")
    (tmp_path / "13.txt").write_text(text)
    with pytest.raises(LedgerError, match=r"13\.txt is damaged"):
        list(folder.all())
