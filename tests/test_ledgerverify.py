"""Every change of a log is found, by what was signed here or by what was kept elsewhere."""

import subprocess
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpse_ops.cli.log_stranger import how_to_check, render_script
from lpse_ops.errors import LedgerError
from lpse_ops.ledger import Ledger, encode_line, parse_line
from lpse_ops.ledgercheckpoint import Checkpoint, find_checkpoints
from lpse_ops.ledgerkey import load_public_key, open_key, sign_checkpoint
from lpse_ops.ledgerverify import Verdict, Witness, verify_ledger
from lpse_ops.merkle import MerkleTree
from lpse_ops.sshsig import public_key
from tests.fakes import FixedClock

NOON = datetime(2026, 3, 9, 12, tzinfo=timezone(timedelta(hours=8)))
SIGNED_AT = (2, 5)
RECORDS = 7

Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Seven records; checkpoints over the first two and the first five."""
    ledger = Ledger(tmp_path / "ledger", "lpse-contoh", FixedClock(NOON).now)
    for number in range(1, RECORDS + 1):
        ledger.append("backup", {"status": "ok", "number": number})
        if number in SIGNED_AT:
            ledger.checkpoint()
    return ledger


def judge(ledger: Ledger, *witnesses: Checkpoint, signers: Sequence[str] | None = None) -> Verdict:
    known = load_public_key(ledger.key_folder)
    keys = [known or ""] if signers is None else signers
    kept = [Witness("kept.txt", each) for each in witnesses]
    return verify_ledger(ledger, keys, kept, NOON + timedelta(hours=1))


def lines_of(ledger: Ledger) -> list[bytes]:
    return list(ledger.file.lines())


def rewrite(ledger: Ledger, lines: Sequence[bytes]) -> None:
    ledger.file.path.write_bytes(b"".join(lines))


def forge(lines: Sequence[bytes]) -> list[bytes]:
    """The same records in a chain of their own, as who can write the file can make it."""
    forged: list[bytes] = []
    before = None
    for line in lines:
        record = parse_line(line).record
        forged.append(encode_line(before, record.kind, record.time, record.facts))
        before = parse_line(forged[-1]).record
    return forged


def root_of(lines: Sequence[bytes]) -> bytes:
    tree = MerkleTree()
    for line in lines:
        tree.add(line)
    return tree.root()


def sign_again(ledger: Ledger, key: Ed25519PrivateKey, size: int) -> None:
    """Sign what the file holds now, whatever was signed before."""
    made = Checkpoint(ledger.origin, size, root_of(lines_of(ledger)[:size]))
    ledger.checkpoints.save(made, sign_checkpoint(key, made), public_key(key))


def remove_checkpoint(ledger: Ledger, size: int) -> None:
    ledger.checkpoints.path(size).unlink()
    ledger.checkpoints.signature_path(size).unlink()


def stranger(ledger: Ledger) -> subprocess.CompletedProcess[str]:
    """The script: bash, coreutils and ssh-keygen, and nothing of ours."""
    return subprocess.run(
        ["bash", "-c", render_script(ledger)], cwd=ledger.folder, capture_output=True, text=True
    )


EDIT: Change = lambda x: [x[0], x[1], x[2].replace(b'"ok"', b'"no"'), *x[3:]]  # noqa: E731
REMOVE: Change = lambda x: [*x[:2], *x[3:]]  # noqa: E731
REORDER: Change = lambda x: [*x[:2], x[3], x[2], *x[4:]]  # noqa: E731


# -- a good log --------------------------------------------------------------------------------


def test_a_good_log_passes(ledger: Ledger):
    verdict = judge(ledger)
    assert verdict.is_good
    assert (verdict.records, verdict.checkpoints, verdict.signed) == (7, 2, 5)
    assert verdict.witnessed == 0
    assert verdict.root == root_of(lines_of(ledger))


def test_a_kept_checkpoint_says_how_far_the_log_is_proved(ledger: Ledger):
    kept = find_checkpoints(ledger.checkpoints.path(5).read_text())
    assert judge(ledger, *kept).witnessed == 5


def test_a_checkpoint_of_what_is_signed_already_is_the_same(ledger: Ledger):
    made = ledger.checkpoint()
    assert made is not None
    assert made.size == RECORDS
    before = ledger.checkpoints.signature_path(RECORDS).stat().st_mtime_ns
    assert ledger.checkpoint() == made
    assert ledger.checkpoints.signature_path(RECORDS).stat().st_mtime_ns == before


def test_a_crash_between_signature_and_checkpoint_is_made_good(ledger: Ledger):
    ledger.checkpoint()
    ledger.checkpoints.path(RECORDS).unlink()
    assert judge(ledger).is_good
    made = ledger.checkpoint()
    assert made is not None
    assert judge(ledger).signed == RECORDS


def test_a_stranger_agrees(ledger: Ledger):
    done = stranger(ledger)
    assert done.returncode == 0, done.stderr
    assert 'Good "lpse-ops-ledger@v1" signature for lpse-contoh' in done.stdout
    assert done.stdout.endswith("the first 5 lines are those that were signed\n")
    assert done.stderr == ""


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 7, 8, 9])
def test_a_stranger_finds_the_same_root_at_every_size(tmp_path: Path, size: int):
    ledger = Ledger(tmp_path / "ledger", "lpse-contoh", FixedClock(NOON).now)
    for number in range(size):
        # Signs that a shell may trip over, and what looks like the chain but is a fact.
        ledger.append("disk", {"note": f'%s \\n $(x) \'é\' "prev":"{number}" *', "by": "x\\"})
    ledger.checkpoint()
    assert stranger(ledger).stdout.endswith(f"the first {size} lines are those that were signed\n")


def test_the_commands_that_are_printed_are_right(ledger: Ledger):
    verify, last, _ = how_to_check(ledger)
    good = subprocess.run(["sh", "-c", verify], cwd=ledger.folder, capture_output=True, text=True)
    assert good.returncode == 0
    assert good.stdout.startswith("Good ")
    hashed = subprocess.run(["sh", "-c", last], cwd=ledger.folder, capture_output=True, text=True)
    assert hashed.stdout.split()[0] == parse_line(lines_of(ledger)[5]).prev


# -- changes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (EDIT, "line 4 follows another line than the one before it, which was changed"),
        (REMOVE, "line 3 has seq 4 instead of 3: lines before it were removed"),
        (REORDER, "line 4 has seq 3 instead of 5: lines were reordered"),
    ],
    ids=["edited", "removed", "reordered"],
)
def test_a_changed_line_is_found_by_the_chain(ledger: Ledger, change: Change, words: str):
    rewrite(ledger, change(lines_of(ledger)))
    verdict = judge(ledger)
    assert any(words in finding for finding in verdict.integrity), verdict.integrity
    # And by the checkpoint over it, with what the next one proves still told.
    assert any("checkpoint 5 was made over other lines" in each for each in verdict.integrity)
    assert verdict.signed == 2
    assert stranger(ledger).returncode == 1


@pytest.mark.parametrize("change", [EDIT, REMOVE, REORDER], ids=["edited", "removed", "reordered"])
def test_a_change_with_a_new_chain_is_found_by_the_checkpoint(ledger: Ledger, change: Change):
    rewrite(ledger, forge(change(lines_of(ledger))))
    assert judge(ledger).integrity == (
        "checkpoint 5 was made over other lines than the first 5: one of them was changed since",
    )
    assert "not those that were signed" in stranger(ledger).stderr


def test_a_cut_end_is_found_by_the_checkpoint(ledger: Ledger):
    rewrite(ledger, lines_of(ledger)[:4])
    verdict = judge(ledger)
    assert verdict.integrity == ()
    assert verdict.completeness == (
        "checkpoint 5 counted 5 lines, the log holds 4: 1 at its end were cut off",
    )
    assert stranger(ledger).returncode == 1


def test_a_cut_end_without_its_checkpoint_is_found_by_what_was_kept(ledger: Ledger):
    (kept,) = find_checkpoints(ledger.checkpoints.path(5).read_text())
    remove_checkpoint(ledger, 5)
    rewrite(ledger, lines_of(ledger)[:4])
    assert judge(ledger).is_good
    assert judge(ledger, kept).completeness == (
        "kept.txt counted 5 lines, the log holds 4: 1 at its end were cut off",
    )


def test_a_log_signed_again_by_another_key_is_found(ledger: Ledger):
    rewrite(ledger, forge(EDIT(lines_of(ledger))))
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    # The stranger has the keys that he was given when all was well.
    given = (ledger.folder / "allowed_signers").read_bytes()
    sign_again(ledger, other, 5)
    (ledger.folder / "allowed_signers").write_bytes(given)
    verdict = judge(ledger)
    assert verdict.integrity == (
        f"checkpoint 5: it is signed by a key that is not known: {public_key(other)}",
    )
    assert stranger(ledger).returncode != 0


def test_a_log_signed_again_by_its_own_key_contradicts_an_earlier_checkpoint(ledger: Ledger):
    lines = lines_of(ledger)
    rewrite(ledger, forge([lines[0].replace(b'"ok"', b'"no"'), *lines[1:]]))
    sign_again(ledger, open_key(ledger.key_folder), 5)
    assert stranger(ledger).returncode == 0
    assert judge(ledger).integrity == (
        "checkpoint 2 was made over other lines than the first 2: one of them was changed since",
    )


def test_a_log_signed_again_as_a_whole_is_found_only_by_what_was_kept(ledger: Ledger):
    """What root of this machine can do: all checkpoints anew, by the same key."""
    (kept,) = find_checkpoints(ledger.checkpoints.path(5).read_text())
    rewrite(ledger, forge(EDIT(lines_of(ledger))))
    for size in SIGNED_AT:
        sign_again(ledger, open_key(ledger.key_folder), size)
    assert judge(ledger).is_good
    assert judge(ledger, kept).integrity == (
        "kept.txt was made over other lines than the first 5: one of them was changed since",
    )


def test_a_key_that_was_replaced_is_found_by_who_knows_the_old_one(ledger: Ledger):
    old = load_public_key(ledger.key_folder) or ""
    for name in ("key", "key.pub"):
        (ledger.key_folder / name).unlink()
    for size in SIGNED_AT:
        sign_again(ledger, open_key(ledger.key_folder), size)
    assert judge(ledger).is_good
    assert len(judge(ledger, signers=[old]).integrity) == 2


def test_nothing_is_signed_over_a_changed_log(ledger: Ledger):
    rewrite(ledger, forge(EDIT(lines_of(ledger))))
    with pytest.raises(LedgerError, match="no longer those it was made over") as refused:
        ledger.checkpoint()
    assert "nothing was signed" in refused.value.hint
    assert ledger.checkpoints.sizes() == list(SIGNED_AT)


def test_nothing_is_signed_over_a_cut_log(ledger: Ledger):
    rewrite(ledger, lines_of(ledger)[:3])
    with pytest.raises(LedgerError, match="are only 3 now"):
        ledger.checkpoint()


def test_nothing_is_signed_over_a_change_after_the_last_checkpoint(ledger: Ledger):
    lines = lines_of(ledger)
    rewrite(ledger, [*lines[:5], lines[5].replace(b'"ok"', b'"no"'), lines[6]])
    with pytest.raises(LedgerError, match="line 7 follows another line"):
        ledger.checkpoint()


def test_an_unsigned_a_damaged_and_a_foreign_checkpoint_are_named(ledger: Ledger):
    ledger.checkpoints.signature_path(2).unlink()
    ledger.checkpoints.path(5).write_text("lpse-contoh\n")
    verdict = judge(ledger, Checkpoint("lpse-lain", 3, bytes(32)))
    assert verdict.integrity == (
        "checkpoint 2: it is not signed",
        "checkpoint 5 is damaged: it is no checkpoint",
        "kept.txt is a checkpoint of lpse-lain, this is the log of lpse-contoh",
    )


def test_a_changed_checkpoint_is_found_by_its_signature(ledger: Ledger):
    path = ledger.checkpoints.path(5)
    changed = Checkpoint("lpse-contoh", 5, bytes(32))
    path.write_text(changed.text())
    (found,) = judge(ledger).integrity
    assert found == "checkpoint 5: the signature is not valid: what it signs was changed"


def test_what_no_line_is_does_not_end_the_judgement(ledger: Ledger):
    lines = lines_of(ledger)
    rewrite(ledger, [lines[0], b"x\n", *lines[2:]])
    integrity = judge(ledger).integrity
    assert integrity[0].startswith("line 2 is no record")
    assert len(integrity) == 3


def test_findings_are_counted_not_listed_without_end(ledger: Ledger):
    rewrite(ledger, [b"x\n"] * 1000)
    integrity = judge(ledger).integrity
    assert len(integrity) == 101
    assert integrity[-1] == "and 902 more"


def test_a_torn_line_is_told(ledger: Ledger):
    with ledger.file.path.open("ab") as file:
        file.write(b'{"facts"')
    (found,) = judge(ledger).completeness
    assert "cut off by a crash" in found


def test_no_record_at_all(tmp_path: Path):
    ledger = Ledger(tmp_path, "lpse-contoh", FixedClock(NOON).now)
    assert judge(ledger).completeness == ("there is no record at all",)


def test_memory_does_not_grow_with_the_log(tmp_path: Path):
    ledger = Ledger(tmp_path, "lpse-contoh", FixedClock(NOON).now)
    record = ledger.append("sync", {"pad": "x" * 900})
    with ledger.file.path.open("ab") as file:
        for _ in range(4000):
            line = encode_line(record, "sync", NOON, {"pad": "x" * 900})
            record = parse_line(line).record
            file.write(line)
    tracemalloc.start()
    verdict = judge(ledger)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (verdict.is_good, verdict.records) == (True, 4001)
    assert ledger.file.path.stat().st_size > 4 << 20
    assert peak < 1 << 20
