"""The log: chained, whole after a crash, and the same for many writers at once."""

import fcntl
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.errors import LedgerError
from lpse_ops.ledger import NO_LINE, Ledger, Record, encode_line, parse_line
from lpse_ops.ledgerfile import MAX_LINE_BYTES, LedgerFile
from tests.backup.smalldisk import fill, mount_small_disk
from tests.fakes import FixedClock

NOON = datetime(2026, 3, 9, 12, tzinfo=timezone(timedelta(hours=8)))
CLOCK = FixedClock(NOON)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state" / "ledger", "lpse-contoh", CLOCK.now)


def path_of(ledger: Ledger) -> Path:
    return ledger.folder / "ledger.jsonl"


def filled(ledger: Ledger, count: int) -> Ledger:
    for number in range(count):
        ledger.append("backup", {"status": "ok", "number": number})
    return ledger


def lines_of(ledger: Ledger) -> list[bytes]:
    return path_of(ledger).read_bytes().splitlines(keepends=True)


# -- records -----------------------------------------------------------------------------------


def test_a_record_comes_back_as_it_was_appended(ledger: Ledger):
    facts = {"status": "ok", "bytes_read": 703_000, "error": None, "destinations": {"disk-a": {}}}
    server = datetime(2026, 3, 9, 4, 0, 1, tzinfo=UTC)
    record = ledger.append("backup", facts, server_time=server)
    assert (record.seq, record.kind, record.time) == (1, "backup", NOON)
    assert (record.server_time, record.facts) == (server, facts)
    assert list(ledger.records()) == [record]


def test_the_line_is_canonical_and_chained_by_sha256sum(ledger: Ledger):
    filled(ledger, 2)
    first, second = lines_of(ledger)
    assert first == (
        b'{"facts":{"number":0,"status":"ok"},"kind":"backup","prev":"' + NO_LINE.encode() + b'",'
        b'"seq":1,"server_time":null,"time":"2026-03-09T12:00:00+08:00"}\n'
    )
    assert json.loads(second)["prev"] == hashlib.sha256(first).hexdigest()


def test_records_of_a_kind(ledger: Ledger):
    filled(ledger, 2)
    drill = ledger.append("drill", {"status": "failed", "problems": ["a", "b"]})
    assert list(ledger.records("drill")) == [drill]
    assert [record.seq for record in ledger.records()] == [1, 2, 3]
    assert list(ledger.records("prune")) == []


def test_an_empty_log_holds_nothing_and_makes_no_file(ledger: Ledger):
    assert list(ledger.records()) == []
    assert ledger.checkpoint() is None
    assert not ledger.folder.exists()


def test_nobody_else_may_read_it(ledger: Ledger):
    filled(ledger, 1).checkpoint()
    assert stat.S_IMODE(path_of(ledger).stat().st_mode) == 0o600
    for folder in (ledger.folder, ledger.folder.parent, ledger.folder.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_times_and_strange_names_become_text(ledger: Ledger):
    record = ledger.append("disk", {"at": NOON, "path": os.fsdecode(b"caf\xe9"), "list": ("x",)})
    assert record.facts == {
        "at": "2026-03-09T12:00:00+08:00",
        "path": "caf\\udce9",
        "list": ["x"],
    }


@pytest.mark.parametrize(
    ("kind", "facts"),
    [("backup", {"share": 0.5}), ("Backup", {}), ("", {}), ("backup", {"x": b""})],
    ids=["float", "upper", "empty", "bytes"],
)
def test_what_has_no_place_in_a_record_is_refused(ledger: Ledger, kind: str, facts: dict):
    filled(ledger, 1)
    with pytest.raises(ValueError, match=r"no place|no kind"):
        ledger.append(kind, facts)
    assert len(list(ledger.records())) == 1


def test_a_time_without_a_zone_is_refused(ledger: Ledger):
    with pytest.raises(ValueError, match="without a zone"):
        ledger.append("backup", {}, server_time=datetime(2026, 1, 1))


def test_a_time_that_no_reader_takes_does_not_end_the_log(ledger: Ledger):
    filled(ledger, 1)
    with pytest.raises(ValueError, match="of the year 1969"):
        ledger.append("backup", {}, server_time=NOON.replace(year=1969))
    assert filled(ledger, 1) is ledger
    assert [each.seq for each in ledger.records()] == [1, 2]


@pytest.mark.parametrize("origin", ["", ".", "..", "a/b", "-x", "a b"])
def test_an_origin_is_safe_as_a_folder(tmp_path: Path, origin: str):
    with pytest.raises(ValueError, match="cannot name a log"):
        Ledger(tmp_path, origin, CLOCK.now)


def test_facts_too_large_for_a_line_are_shortened_and_that_is_said(ledger: Ledger):
    problems = [f"{number}: {'x' * 5000}" for number in range(1000)]
    record = ledger.append("drill", {"status": "failed", "problems": problems})
    assert record.facts["shortened"] is True
    assert record.facts["status"] == "failed"
    assert len(record.facts["problems"]) == 100
    assert len(lines_of(ledger)[0]) < MAX_LINE_BYTES
    assert [each.seq for each in ledger.records()] == [1]


def test_every_origin_has_a_log_of_its_own(tmp_path: Path):
    one, two = (Ledger(tmp_path, name, CLOCK.now) for name in ("one", "two"))
    one.append("backup", {})
    assert list(two.records()) == []
    assert two.append("backup", {}).seq == 1


# -- damage ------------------------------------------------------------------------------------


def rewrite(ledger: Ledger, lines: list[bytes]) -> None:
    path_of(ledger).write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (lambda x: [x[0].replace(b'"ok"', b'"no"'), *x[1:]], 2, "changed after it was written"),
        (lambda x: [x[0], *x[2:]], 2, "has seq 3 instead of 2: lines before it were removed"),
        (lambda x: [x[0], x[2], x[1], x[3]], 2, "has seq 3"),
        (lambda x: [x[0], x[0], *x[1:]], 2, "has seq 1 instead of 2: lines were reordered"),
        (lambda x: [x[0], b"\n", *x[1:]], 2, "is no record"),
        (lambda x: [x[0], x[1].replace(b'"ok"', b' "ok"'), *x[2:]], 2, "not in canonical form"),
        (lambda x: [*x[:2], b'{"facts":{}}\n', *x[3:]], 3, "not those of a record"),
        (lambda x: x[1:], 1, "has seq 2 instead of 1"),
        (lambda x: [x[0], b"x" * (MAX_LINE_BYTES + 5) + b"\n"], 2, "is longer than"),
    ],
    ids=["edited", "removed", "moved", "twice", "blank", "spaced", "foreign", "headless", "long"],
)
def test_the_first_broken_line_is_named(ledger: Ledger, change, line: int, words: str):
    filled(ledger, 4)
    rewrite(ledger, change(lines_of(ledger)))
    with pytest.raises(LedgerError, match=f"ledger.jsonl: line {line} .*{words}") as broken:
        list(ledger.records())
    assert "log verify" in broken.value.hint


def test_nothing_is_appended_to_what_is_no_record(ledger: Ledger):
    filled(ledger, 1)
    with path_of(ledger).open("ab") as file:
        file.write(b"somebody wrote here\n")
    before = path_of(ledger).read_bytes()
    with pytest.raises(LedgerError, match="the last line is no record"):
        ledger.append("backup", {})
    assert path_of(ledger).read_bytes() == before


def test_a_link_is_not_followed(ledger: Ledger, tmp_path: Path):
    filled(ledger, 1)
    path_of(ledger).rename(tmp_path / "elsewhere")
    path_of(ledger).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerError, match="cannot use the log"):
        ledger.append("backup", {})


@given(st.binary(max_size=300))
def test_whatever_a_line_holds_it_is_a_record_or_says_why_not(content: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words vary
        parse_line(content + b"\n")


LINE = encode_line(None, "backup", NOON, {"status": "ok", "list": [1, {"x": None}]})


@given(st.integers(0, len(LINE) - 2), st.binary(max_size=3))
def test_a_line_that_was_changed_is_another_record_or_none(place: int, put: bytes):
    changed = LINE[:place] + put + LINE[place + len(put) :]
    try:
        record = parse_line(changed).record
    except ValueError:
        return
    assert (record == parse_line(LINE).record) is (changed == LINE)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"2026-03-09T12:00:00+08:00", b"2026-03-09T12:00:00", "without a zone"),
        (b"2026-03-09T12:00:00+08:00", b"0001-01-01T00:00:00+08:00", "of the year 1"),
        (b"2026-03-09T12:00:00+08:00", b"yesterday", "Invalid isoformat"),
        (b'"seq":1', b'"seq":0', "no number from 1"),
        (b'"seq":1', b'"seq":true', "no number from 1"),
        (b'"seq":1', b'"seq":9007199254740992', "too many"),
        (NO_LINE.encode(), b"00", "no SHA-256"),
        (b'"backup"', b'"BACKUP"', "kind is none"),
        (b'"backup"', b"7", "kind is none"),
        (b'"server_time":null', b'"server_time":5', "without a zone"),
        (b'{"list":[1,{"x":null}],"status":"ok"}', b"[]", "no mapping"),
    ],
)
def test_each_field_is_judged(old: bytes, new: bytes, words: str):
    assert old in LINE
    with pytest.raises(ValueError, match=words):
        parse_line(LINE.replace(old, new))


# -- crashes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [1, 40, 100])
@pytest.mark.parametrize("whole", [0, 3])
def test_a_torn_line_is_kept_aside_and_told(ledger: Ledger, whole: int, kept: int):
    filled(ledger, whole + 1)
    lines = lines_of(ledger)
    rewrite(ledger, [*lines[:-1], lines[-1][:kept]])
    assert len(list(ledger.records())) == whole
    ledger.append("backup", {"status": "ok"})
    *_, told, added = ledger.records()
    assert (told.kind, told.seq, added.seq) == ("ledger", whole + 1, whole + 2)
    assert told.facts["event"] == "torn-line"
    assert (ledger.folder / told.facts["file"]).read_bytes() == lines[-1][:kept]
    assert lines_of(ledger)[:whole] == lines[:-1]


def test_a_line_that_lost_only_its_end_is_a_whole_record(ledger: Ledger):
    lines = lines_of(filled(ledger, 3))
    rewrite(ledger, [*lines[:-1], lines[-1][:-1]])
    ledger.append("backup", {"status": "ok"})
    assert lines_of(ledger)[:3] == lines
    assert [record.kind for record in ledger.records()] == ["backup"] * 4


def test_what_a_power_cut_left_unwritten_is_kept_aside(ledger: Ledger):
    filled(ledger, 2)
    with path_of(ledger).open("ab") as file:
        file.write(bytes(4096))
    ledger.append("backup", {})
    assert [record.kind for record in ledger.records()] == ["backup", "backup", "ledger", "backup"]


WRITER = """\
import sys
from datetime import UTC, datetime
from pathlib import Path
from lpse_ops.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), "lpse-contoh", lambda: datetime.now(UTC))
for number in range(int(sys.argv[3])):
    record = ledger.append("backup", {"writer": sys.argv[2], "number": number, "pad": "x" * 500})
    print(record.seq, flush=True)
"""


def start_writer(ledger: Ledger, name: str, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, ledger.folder.parent, name, str(count)],
        stdout=subprocess.PIPE,
    )


def test_many_processes_append_at_once_and_nothing_is_lost(ledger: Ledger):
    writers = [start_writer(ledger, str(number), 40) for number in range(6)]
    told = [int(line) for writer in writers for line in writer.communicate()[0].split()]
    assert [writer.returncode for writer in writers] == [0] * 6
    records = list(ledger.records())
    assert sorted(told) == list(range(1, 241)) == [record.seq for record in records]
    for name in map(str, range(6)):
        numbers = [each.facts["number"] for each in records if each.facts["writer"] == name]
        assert numbers == list(range(40))


def test_a_process_that_hangs_with_the_lock_is_not_waited_for_for_ever(ledger: Ledger):
    filled(ledger, 1)
    impatient = LedgerFile(path_of(ledger), patience_seconds=0)
    with path_of(ledger).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="another process holds the log") as refused:
            list(impatient.lines())
        assert f"fuser -v {path_of(ledger)}" in refused.value.hint
        with pytest.raises(LedgerError, match="another process holds"), impatient.open_end():
            pass
    assert len(list(impatient.lines())) == 1


def test_threads_of_one_process_append_at_once(ledger: Ledger):
    threads = [threading.Thread(target=filled, args=(ledger, 20)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.seq for record in ledger.records()] == list(range(1, 101))


def test_kill_9_loses_no_record_that_was_told(ledger: Ledger):
    told = 0
    for moment in (0.0, 0.003, 0.011, 0.02):
        writer = start_writer(ledger, "x", 100_000)
        assert writer.stdout is not None
        first = int(writer.stdout.readline())
        time.sleep(moment)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split(b"\n")
        writer.wait()
        # The last number may be cut off itself.
        told = max([first, *(int(number) for number in rest[:-1] if number)])
        assert len(list(ledger.records())) >= told
    assert told > 4
    ledger.append("backup", {})
    assert len({record.sha256 for record in ledger.records()}) > told


def filled_with_much(ledger: Ledger, count: int) -> None:
    for _ in range(count):
        ledger.append("backup", {"pad": "x" * 900})


def test_a_full_disk_leaves_no_half_line(tmp_path: Path):
    with mount_small_disk(tmp_path / "disk") as disk:
        ledger = filled(Ledger(disk, "lpse-contoh", CLOCK.now), 3)
        fill(disk / "filler", free_blocks=1)
        before = lines_of(ledger)
        with pytest.raises(LedgerError, match="No space left on device") as full:
            filled_with_much(ledger, 20)
        assert "df -h" in full.value.hint
        after = lines_of(ledger)
        assert len(before) < len(after) < len(before) + 20
        assert after[-1].endswith(b"\n")
        (disk / "filler").unlink()
        assert ledger.append("backup", {}).seq == len(after) + 1
        assert len(list(ledger.records())) == len(after) + 1


# -- size --------------------------------------------------------------------------------------


def test_an_append_reads_the_end_of_the_file_alone(ledger: Ledger):
    """Before the end there may be anything: who appends does not look, who reads does."""
    last = filled(ledger, 3).append("backup", {"pad": "x" * 200_000})
    lines = lines_of(ledger)
    rewrite(ledger, [b"?" * len(lines[0][:-1]) + b"\n", *lines[1:]])
    assert ledger.append("backup", {}).seq == last.seq + 1
    with pytest.raises(LedgerError, match="line 1 is no record"):
        list(ledger.records())


def test_records_are_read_one_after_another(ledger: Ledger):
    filled(ledger, 5)
    reading = ledger.records()
    assert isinstance(next(reading), Record)
    ledger.append("backup", {})
    # What is added meanwhile is for the next reader.
    assert len(list(reading)) == 4
