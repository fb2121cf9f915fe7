"""JAVA_HOME and SPSE4_HOME of a site's start script, carried over into the next release's."""

import subprocess
from pathlib import Path

import pytest

from lpse_ops.spse.startscript import carry_homes, find_homes, is_carried, set_homes

PACKED = b"#!/bin/sh\n# To be set at installation\nJAVA_HOME=/usr/lib/jvm/java-8\nstart() { :; }\n"
SITE = b'#!/bin/bash\nexport JAVA_HOME="/opt/jdk-21"  # Sari, 2024\nSPSE4_HOME=/home/appserv/spse\n'


def test_what_a_site_sets_is_found():
    assert find_homes(SITE).paths == {
        "SPSE4_HOME": "/home/appserv/spse",
    } | {"JAVA_HOME": "/opt/jdk-21"}
    assert find_homes(b"#JAVA_HOME=/x\nXJAVA_HOME=/x\n").paths == {}


def test_it_is_carried_where_the_new_script_sets_it_or_below_its_first_line():
    assert carry_homes(SITE, PACKED, {}) == (
        b"#!/bin/sh\nSPSE4_HOME=/home/appserv/spse\n# To be set at installation\n"
        b"JAVA_HOME=/opt/jdk-21\nstart() { :; }\n"
    )
    assert carry_homes(b"#!/bin/sh\n", PACKED, {}) == PACKED
    assert carry_homes(SITE, SITE, {}) == SITE


def test_a_path_into_the_old_release_goes_through_the_link():
    old = b"SPSE4_HOME=/opt/spse/releases/4.4\n"
    moved = {"/opt/spse/releases/4.4": "/home/appserv/spse"}
    carried = carry_homes(old, PACKED, moved)
    assert find_homes(carried).paths["SPSE4_HOME"] == "/home/appserv/spse"


@pytest.mark.parametrize(
    "value",
    ["$(touch /tmp/x)", "/opt/x; touch /tmp/x", "`id`", "/opt/$HOME", '"/opt/a b"', "'/x", "java"],
)
def test_what_is_no_plain_path_is_not_carried_but_told(value: str):
    script = f"#!/bin/sh\nJAVA_HOME={value}\n".encode()
    assert find_homes(script).paths == {}
    assert find_homes(script).unread == ("JAVA_HOME",)
    assert carry_homes(script, PACKED, {}) == PACKED


def test_a_shell_reads_what_was_written(tmp_path: Path):
    script = tmp_path / "spse4"
    script.write_bytes(carry_homes(SITE, PACKED, {}) + b'echo "$JAVA_HOME $SPSE4_HOME"\n')
    said = subprocess.run(["sh", script], capture_output=True, text=True, check=True)
    assert said.stdout == "/opt/jdk-21 /home/appserv/spse\n"


def test_whether_a_script_is_as_it_was_packed():
    assert is_carried(PACKED, PACKED)
    assert is_carried(PACKED, carry_homes(SITE, PACKED, {}))
    assert is_carried(PACKED, set_homes(PACKED, {"JAVA_HOME": "/opt/jdk-21"}))
    assert not is_carried(PACKED, PACKED + b"rm -rf /\n")
    assert not is_carried(PACKED, PACKED.replace(b"start", b"stop"))
    assert not is_carried(PACKED, b"")
