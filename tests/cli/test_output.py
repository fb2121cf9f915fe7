import enum
import io
import json
import os
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.cli.output import (
    emit,
    open_output,
    printable,
    render_json,
    render_table,
    write_json_list,
)
from lpse_ops.errors import OpsError


class Color(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Snapshot:
    time: datetime
    paths: tuple[Path, ...]


def test_json_has_a_versioned_envelope_and_keeps_the_order():
    text = render_json("backup/snapshots", {"b": 1, "a": 2})
    assert list(json.loads(text).items()) == [
        ("schema", "lpse-ops/backup/snapshots/1"),
        ("b", 1),
        ("a", 2),
    ]


@pytest.mark.parametrize(
    "items", [[], [1], [{"a": "[]"}, {"b": [], "c": {"d": [1, "x\ny"]}}, date(2026, 1, 2)]]
)
def test_a_list_written_element_by_element_is_the_same_json(items: list[object]):
    stream = io.BytesIO()
    data = {"of": "[]", "empty": []}
    write_json_list(stream, "backup/ls", data, "entries", iter(items))
    whole = render_json("backup/ls", {**data, "entries": items})
    assert stream.getvalue().decode() == whole + "\n"


def test_a_name_that_is_not_utf8_is_json_in_a_list_too():
    stream = io.BytesIO()
    write_json_list(stream, "x", {"root": "\udcfe"}, "names", ["\udcff"])
    assert json.loads(stream.getvalue()) == {
        "schema": "lpse-ops/x/1",
        "root": "\udcfe",
        "names": ["\udcff"],
    }


def test_values_of_the_domain_have_a_json_form():
    taken = datetime(2026, 11, 21, 12, tzinfo=ZoneInfo("Asia/Makassar"))
    data = {
        "snapshot": Snapshot(taken, (Path("/home"),)),
        "day": date(2026, 1, 2),
        "at": time(8, 30),
        "lasted": timedelta(minutes=1.5),
        "color": Color.RED,
        "id": b"\xab",
        "set": {"b", "a"},
        "frozen": frozenset({2, 1}),
        "mapping": MappingProxyType({"a": 1}),
    }
    assert json.loads(render_json("x", data)) == {
        "schema": "lpse-ops/x/1",
        "snapshot": {"time": "2026-11-21T12:00:00+08:00", "paths": ["/home"]},
        "day": "2026-01-02",
        "at": "08:30:00",
        "lasted": 90,
        "color": "red",
        "id": "ab",
        "set": ["a", "b"],
        "frozen": [1, 2],
        "mapping": {"a": 1},
    }


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), object(), Snapshot])
def test_what_has_no_clear_json_form_is_our_bug(value):
    with pytest.raises(TypeError):
        render_json("x", {"a": value})


@pytest.mark.parametrize(
    ("output_format", "expected"),
    [("text", b"one\n"), ("json", b'{\n  "schema": "lpse-ops/x/1",\n  "a": 1\n}\n')],
)
def test_the_answer_goes_to_standard_output(capfdbinary, output_format, expected):
    emit("x", {"a": 1}, text=lambda: "one", output_format=output_format, output=None)
    assert capfdbinary.readouterr().out == expected


def test_an_empty_answer_is_empty(capfdbinary):
    emit("x", {}, text=lambda: "", output_format="text", output=None)
    assert capfdbinary.readouterr().out == b""


def test_a_name_that_is_no_unicode_stays_valid_json(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    output = tmp_path / "a.json"
    emit("x", {"name": name}, text=str, output_format="json", output=output)
    assert json.loads(output.read_bytes())["name"] == name


def test_a_file_appears_whole_and_as_the_umask_wants(tmp_path):
    output = tmp_path / "a.txt"
    old = os.umask(0o027)
    try:
        emit("x", {}, text=lambda: "one\n", output_format="text", output=output)
    finally:
        os.umask(old)
    assert output.read_text() == "one\n"
    assert stat.S_IMODE(output.stat().st_mode) == 0o640


def write_half(output, error):
    with open_output(output) as stream:
        stream.write(b"half")
        raise error


def test_a_failure_leaves_the_old_file(tmp_path):
    output = tmp_path / "a.txt"
    output.write_text("old")
    with pytest.raises(RuntimeError):
        write_half(output, RuntimeError())
    assert (output.read_text(), os.listdir(tmp_path)) == ("old", ["a.txt"])


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("target")
    emit("x", {}, text=lambda: "one", output_format="text", output=tmp_path / "link")
    assert (tmp_path / "target").read_text() == "one\n"


def test_a_fifo_is_written_and_stays_a_fifo(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    emit("x", {}, text=lambda: "one", output_format="text", output=fifo)
    reader.join()
    assert read == ["one\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("output", [Path("/dev/full"), Path("/none/a")])
def test_what_cannot_be_written_is_said_with_a_hint(output):
    with pytest.raises(OpsError) as caught:
        emit("x", {}, text=lambda: "one", output_format="text", output=output)
    assert f"cannot write {output}: " in caught.value.message
    assert "--output FILE" in caught.value.hint


EMIT = "from lpse_ops.cli.output import emit\nemit('x', {}, text=lambda: 'a' * 1_000_000, "


def test_a_full_standard_output_is_said(tmp_path):
    code = f"{EMIT} output_format='text', output=None)"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE)
    assert b"OpsError: cannot write standard output: No space left" in done.stderr


def test_a_reader_that_goes_away_is_left_to_the_caller():
    code = f"{EMIT} output_format='text', output=None)"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert b"BrokenPipeError" in done.stderr
    assert b"OpsError" not in done.stderr


def test_tables_are_aligned_without_blanks_at_the_end():
    table = render_table(
        ["name", "size"], [("a", 5), ("long name", 12345)], right=["size"]
    ) + render_table(["only"], [])
    assert table == "name        size\na              5\nlong name  12345\nonly\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jalan Sudirman é", "Jalan Sudirman é"),
        ("a\nb", "a\\nb"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        (os.fsdecode(b"caf\xe9"), "caf\\udce9"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_names_cannot_move_the_cursor(text, shown):
    assert printable(text) == shown
