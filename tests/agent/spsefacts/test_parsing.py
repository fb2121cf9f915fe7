"""What programs and files of a host say, in their own words and in nobody's."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.spsefacts.backups import parse_status
from lpse_ops.agent.spsefacts.certificates import split_address
from lpse_ops.agent.spsefacts.clock import parse_tracking
from lpse_ops.agent.spsefacts.database import is_password
from lpse_ops.agent.spsefacts.installed import describe_java, find_heap
from lpse_ops.agent.spsefacts.machine import (
    find_boot_lines,
    parse_failed,
    parse_meminfo,
    parse_redhat_release,
    version_key,
)
from lpse_ops.agent.spsefacts.network import parse_address, parse_sockets
from lpse_ops.agent.spsefacts.rooms import read_room
from lpse_ops.agent.spsefacts.site import make_site, read_site
from lpse_ops.agent.spsefacts.visitors import find_peers

TRACKING = (
    "CB007109,203.0.113.9,3,1795352408.0,-0.000123,0.000010,0.000050,-12.3,0.001,0.05,"
    "0.020,0.003,64.5,Normal\n"
)


def test_chrony_tells_how_far_off_and_how_wrong_that_may_be():
    told = parse_tracking(TRACKING)
    assert told is not None
    assert (told["is_synchronised"], told["stratum"]) == (True, 3)
    assert told["offset_seconds"] == pytest.approx(0.000123)
    assert told["error_seconds"] == pytest.approx(0.013)


def test_chrony_without_a_server():
    line = ",".join(["00000000", "", "0", "0.0", *["0.000000000"] * 3, "0", "0", "0", "1", "1"])
    told = parse_tracking(f"{line},0.0,Not synchronised")
    assert told is not None
    assert not told["is_synchronised"]


def test_the_words_of_proc_net_tcp():
    lines = [
        "  sl  local_address rem_address   st ...",
        "   0: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 0 0 0 4711 1 0",
        "   1: 0B00630A:01BB 0100630A:D431 01 00000000:00000000 00:00000000 0 0 0 0 1 0",
        "   2: 00000000000000000000000000000000:0050 0:0 0A",
        "   3: broken",
        "   4: 0000000000000000FFFF00000100007F:1538 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000 26 0 12 1",
    ]
    found = list(parse_sockets(lines))
    assert [(each.address, each.port, each.state) for each in found] == [
        ("127.0.0.1", 9090, "0A"),
        ("10.99.0.11", 443, "01"),
        ("127.0.0.1", 5432, "0A"),
    ]
    assert found[0].inode == "4711"
    assert parse_address("00000000000000000000000001000000") == "::1"


NOW = 1795352400.0
STAMP = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(NOW - 60))
LATER_ZONE = time.strftime("%d/%b/%Y:%H:%M:%S +0800", time.gmtime(NOW - 60 + 8 * 3600))
OLD = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(NOW - 7200))


@pytest.mark.parametrize(
    ("line", "peer"),
    [
        (f'203.0.113.5 - - [{STAMP}] "GET /eproc4/lelang HTTP/1.1" 200 1 "-" "-"', "203.0.113.5"),
        (f'203.0.113.5 - - [{LATER_ZONE}] "GET /eproc4 HTTP/1.1" 200 1', "203.0.113.5"),
        (f'lpse.go.id:443 2001:db8::5 - - [{STAMP}] "POST /eproc4?x HTTP/2" 200 1', "2001:db8::5"),
        (f'203.0.113.5 - - [{OLD}] "GET /eproc4 HTTP/1.1" 200 1', None),
        (f'203.0.113.5 - - [{STAMP}] "GET /eproc4lat HTTP/1.1" 200 1', None),
        (f'203.0.113.5 - - [{STAMP}] "\\x16\\x03" 400 1', None),
        (f'127.0.0.1 - - [{STAMP}] "GET /eproc4 HTTP/1.1" 200 1', None),
        (f'999.0.113.5 - - [{STAMP}] "GET /eproc4 HTTP/1.1" 200 1', None),
        ('203.0.113.5 - - [99/Foo/0000:99:99:99 +9999] "GET /eproc4 HTTP/1.1" 200', None),
        ('203.0.113.5 - - [00/Jan/0000:99:99:99 +9999] "GET /eproc4 HTTP/1.1" 200', None),
        ("a" * 100000, None),
    ],
)
def test_who_asked_for_spse_lately(line: str, peer: str | None):
    assert list(find_peers([line], "/eproc4", NOW - 1800)) == ([peer] if peer else [])


@pytest.mark.parametrize(
    ("kept", "is_it"),
    [
        # SCRAM as a real server keeps it is in test_spse_preflight_on_lab.
        ("SCRAM-SHA-256$4096:MDEyMzQ1Njc4OTAxMjM0NQ==$", False),
        ("md50b407efc73a442659b6e203c22b3f810", True),
        ("md500000000000000000000000000000000", False),
        ("epns", True),
        ("", False),
    ],
)
def test_the_default_password_is_known_by_what_the_server_keeps(kept: str, is_it: bool):
    assert is_password("epns", "epns", kept) is is_it


def test_units_that_failed():
    text = (
        "● logrotate.service loaded failed failed Rotate log files\n"
        "postgresql@15-main.service loaded failed failed PostgreSQL\n\nodd line\n"
    )
    assert parse_failed(text) == ["logrotate.service", "postgresql@15-main.service"]


def test_lines_at_boot_are_told_by_their_place(tmp_path: Path):
    script = tmp_path / "rc.local"
    script.write_text("#!/bin/sh\n# /home/appserv/spse/spse4 start\ncd /x && ./spse4 start\n")
    assert find_boot_lines([str(script)]) == []
    script.chmod(0o755)
    assert find_boot_lines([str(script)]) == [f"{script}:3"]


@pytest.mark.parametrize(
    ("text", "heap"),
    [("java -Xmx2g -jar", 2 << 30), ("-Xmx512m -Xmx1024M", 1 << 30), ("-Xmx", None),
     ("-Xmx99999999999999999999g", None), ("-Xmx65536", 65536)],
)  # fmt: skip
def test_the_heap_that_a_script_gives(text: str, heap: int | None):
    assert find_heap(text) == heap


def test_a_java_tells_its_version_without_being_run(tmp_path: Path):
    java = tmp_path / "jdk" / "jre" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\ntouch /tmp/was-run\n")
    java.chmod(0o755)
    (tmp_path / "jdk" / "release").write_text('JAVA_VERSION="1.8.0_60"\nOS_NAME="Linux"\n')
    assert describe_java(str(java))["version"] == "1.8.0_60"
    assert not describe_java(str(tmp_path / "none"))["is_there"]


def test_kernels_are_compared_by_their_numbers():
    assert max(["6.1.0-9-amd64", "6.1.0-18-amd64"], key=version_key) == "6.1.0-18-amd64"


def test_old_systems_are_known():
    assert parse_redhat_release("CentOS release 6.10 (Final)")["VERSION_ID"] == "6"
    assert parse_meminfo(["MemTotal: 2048 kB", "MemFree: 1024 kB", "Cached: 512 kB"]) == {
        "MemTotal": 2 << 20,
        "MemFree": 1 << 20,
        "Cached": 512 << 10,
        "MemAvailable": 1536 << 10,
    }


def test_room_is_that_of_the_folder_above_where_there_is_none_yet(tmp_path: Path):
    there, not_there = (read_room("x", str(tmp_path / name)) for name in (".", "a/b/c"))
    assert there["device"] == not_there["device"]
    assert (there["is_there"], not_there["is_there"]) == (True, False)


def test_site_json_says_where_things_are(tmp_path: Path):
    file = tmp_path / "site.json"
    assert read_site(str(file), {}).trouble == "it is not there"
    file.write_text("[1]")
    assert read_site(str(file), {}).trouble == "it is no JSON object"
    file.write_text("{")
    assert read_site(str(file), {}).trouble == "it is no JSON"
    page = {"url": "https://lpse.contoh.go.id/eproc4", "address": "127.0.0.1", "ca_file": None}
    odd = [{"url": "https://[::1"}, {"url": 5}, 7, {"url": "http://127.0.0.1:9090/"}]
    value = {
        "application": {"port": 9009},
        "database": {"name": 5},
        "health": {"pages": [*odd, page]},
    }
    site = make_site(value, {"database": "epns_lat"})
    assert (site.port, site.database, site.link) == (9009, "epns_lat", "/home/appserv/spse")
    assert [tuple(each) for each in site.pages] == [("lpse.contoh.go.id", "127.0.0.1", 443, "")]


@pytest.mark.parametrize(
    ("address", "place"),
    [("127.0.0.1", ("127.0.0.1", 443)), ("[::1]:8443", ("::1", 8443)), ("::1", ("::1", 443)),
     ("h:81", ("h", 81))],
)  # fmt: skip
def test_where_a_page_is_asked_for(address: str, place: tuple[str, int]):
    assert split_address(address, 443) == place


PARSERS: list[Callable[[str], Any]] = [
    parse_tracking,
    parse_status,
    parse_failed,
    find_heap,
    parse_redhat_release,
    lambda text: list(parse_sockets(text.splitlines())),
    lambda text: list(find_peers(text.splitlines(), "/eproc4", 0)),
    lambda text: parse_meminfo(text.splitlines()),
    lambda text: is_password("epns", "epns", text),
]


@pytest.mark.parametrize("parse", PARSERS)
def test_garbage_is_read_without_an_error(parse: Callable[[str], Any]):
    dice = random.Random(7)
    real = (
        TRACKING + f'203.0.113.5 - - [{STAMP}] "GET /eproc4 HTTP/1.1" 200\n{{"destinations": [1]}}'
    )
    for _ in range(200):
        letters = list(real)
        for _ in range(dice.randrange(1, 30)):
            letters[dice.randrange(len(letters))] = dice.choice("\0\n,:[]{}\"'\x1b9aé€ -")
        parse("".join(letters))
    parse('{"destinations": ' + "[" * 100000)
    parse("1e999," * 14)
