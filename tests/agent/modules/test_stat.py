"""``stat`` beside ansible-core's own, on one tree; and what programs say about the same files."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.context import Context
from lpse_ops.agent.fileflags import render_flags
from lpse_ops.agent.mimetype import UNKNOWN, Mime, parse_mime
from tests.agent.realmodules import Both, Task, flags, run_both
from tests.agent.thishost import run_module

CASES: dict[str, dict[str, Any]] = {
    "file": {"path": "file"},
    "folder": {"path": "."},
    "link": {"path": "link"},
    "link, followed": {"path": "link", "follow": True},
    "broken link": {"path": "broken"},
    "broken link, followed": {"path": "broken", "follow": True},
    "circle, followed": {"path": "circle", "follow": True},
    "pipe": {"path": "pipe"},
    "socket": {"path": "socket"},
    "device": {"path": "/dev/null"},
    "empty": {"path": "empty"},
    "binary": {"path": "binary"},
    "script": {"path": "script"},
    "utf-8": {"path": "berkas é:; x"},
    "below a file": {"path": "file/x"},
    "not there": {"path": "nothing"},
    "no flags here": {"path": "/proc/version"},
    "setuid": {"path": "setuid"},
    "strange owner": {"path": "strange"},
    "sha256": {"path": "file", "checksum_algorithm": "sha256"},
    "without checksum": {"path": "file", "get_checksum": False},
    "without mime": {"path": "file", "get_mime": False},
    "without attributes": {"path": "file", "get_attributes": False},
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    (root / "file").write_text("hello\n")
    (root / "empty").touch()
    (root / "binary").write_bytes(bytes(range(256)) * 9)
    (root / "script").write_text("#!/bin/sh\necho\n")
    (root / "berkas é:; x").write_text("é\n")
    (root / "link").symlink_to("file")
    (root / "broken").symlink_to("nowhere")
    (root / "circle").symlink_to("circle")
    os.mkfifo(root / "pipe")
    (root / "setuid").touch()
    (root / "setuid").chmod(0o6755)
    (root / "strange").touch()
    if os.geteuid() == 0:
        os.chown(root / "strange", 54321, 54321)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(root / "socket"))
    return root


@pytest.fixture(scope="module")
def both(tree) -> dict[str, Both]:
    return run_both(
        {
            name: Task("stat", {**args, "path": str(tree / args["path"])})
            for name, args in CASES.items()
        }
    )


@pytest.mark.parametrize("name", CASES)
def test_as_ansible(both, name):
    theirs, ours = both[name]
    assert flags(ours) == flags(theirs)


def test_checksum_is_the_one_of_sha1sum(tree):
    told = subprocess.run(["sha1sum", tree / "binary"], capture_output=True, text=True, check=True)
    stat = run_module("stat", {"path": str(tree / "binary")}, Context())["stat"]
    assert stat["checksum"] == told.stdout.split()[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may set these flags")
def test_flags_are_in_the_order_of_lsattr(tree):
    path = tree / "flags"
    path.touch()
    subprocess.run(["chattr", "+diAS", path], check=True)
    try:
        told = subprocess.run(["lsattr", "-d", path], capture_output=True, text=True, check=True)
        stat = run_module("stat", {"path": str(path)}, Context())["stat"]
    finally:
        subprocess.run(["chattr", "-i", path], check=True)
    assert stat["attr_flags"] == told.stdout.split()[0].replace("-", "") != ""
    assert {"immutable", "nodump", "noatime", "synchronous"} <= set(stat["attributes"])


@pytest.mark.parametrize(
    ("bits", "letters"),
    [(0, ""), (0x80000, "e"), (0x1 | 0x2 | 0x400, "sum"), (0x10000 | 0x20, "Da")],
)
def test_letters_of_flags(bits, letters):
    assert render_flags(bits) == letters


@pytest.mark.parametrize(
    ("told", "mime"),
    [
        ("text/plain; charset=us-ascii\n", Mime("text/plain", "us-ascii")),
        ("inode/symlink", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_what_file_says(told, mime):
    assert parse_mime(told) == mime


def test_without_file_nobody_knows(tree, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    stat = run_module("stat", {"path": str(tree / "file")}, Context())["stat"]
    assert (stat["mimetype"], stat["charset"]) == ("unknown", "unknown")
