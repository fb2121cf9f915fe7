import os

import pytest

from lpse_ops.inventory.seenfile import Asked, FileSeen, see_file
from tests.inventory.judges import write_site


def see(tmp_path, name: str, text: str | bytes) -> FileSeen:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return see_file(Asked(str(path), (), None))


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [
        ("hosts", "[web]\nw1\n", set()),
        ("hosts", "web: {hosts: {w1: }}\n", set()),
        ("hosts.yml", "[web]\nw1\n", set()),
        ("hosts.toml", "[web.hosts]\nw1 = {}\n", set()),
        ("hosts.cfg", "web: {hosts: {w1: }}\n", {"ini-syntax"}),
        # What was meant decides whose mistakes are told.
        ("hosts", "[web]\nw1:\n", {"ini-syntax"}),
        ("hosts", "# of the site\n\n[web\nw1:\n", {"unknown-section"}),
        ("hosts", "web:\n  hosts: [w1]\n", {"wrong-structure"}),
        ("hosts", "---\nweb\n", {"wrong-structure"}),
        ("hosts", "w1 a\n", {"ini-syntax"}),
        ("hosts.yml", "web:\n\tw1\n", {"yaml-syntax"}),
        ("hosts.ini", b"w1 a=\xff\n", {"ini-syntax"}),
        ("hosts.yml", b"a: \xff\n", {"yaml-syntax"}),
        ("hosts.toml", b"a = '\xff'\n", {"toml-syntax"}),
    ],
)
def test_the_faults_are_those_of_the_format_that_was_meant(name, text, rules, tmp_path):
    seen = see(tmp_path, name, text)
    assert set(seen.faults.by_rule) == rules
    assert seen.is_read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#!/bin/sh\n", "is a program, which is not run here"),
        ("plugin: constructed\n", "is for the plugin 'constructed', which is not run here"),
        ("plugin: amazon.aws.aws_ec2\n", "is for the plugin 'amazon.aws.aws_ec2', which is not"),
        ("$ANSIBLE_VAULT;1.1;AES256\n30\n", "is vault-encrypted"),
    ],
)
def test_what_only_a_run_would_tell_is_not_read(text, problem, tmp_path):
    seen = see(tmp_path, "hosts.yml", text)
    assert (seen.is_read, seen.statements, set(seen.faults.by_rule)) == (False, [], {"not-checked"})
    (note,) = seen.faults.by_rule["not-checked"]
    assert problem in note.message
    assert note.hint


def test_a_program_without_a_first_line_for_it_is_known_by_its_mode(tmp_path):
    (tmp_path / "hosts").write_bytes(b"\x7fELF\x00\x01")
    asked = Asked(str(tmp_path / "hosts"), (), None)
    assert set(see_file(asked).faults.by_rule) == {"yaml-syntax"}
    os.chmod(tmp_path / "hosts", 0o755)
    assert set(see_file(asked).faults.by_rule) == {"not-checked"}


def test_text_on_a_disk_where_everything_is_executable_is_read(tmp_path):
    site = write_site(tmp_path, {"hosts": "[web]\nw1\n"})
    os.chmod(site / "hosts", 0o755)
    seen = see_file(Asked(str(site / "hosts"), (), None))
    assert (seen.is_read, len(seen.statements)) == (True, 2)


def test_groups_of_earlier_files_are_known(tmp_path):
    (tmp_path / "more").write_text("[web:vars]\nx=1\n")
    asked = Asked(str(tmp_path / "more"), ("web",), None)
    assert see_file(asked).faults.by_rule == {}
    assert set(see_file(asked._replace(known_groups=())).faults.by_rule) == {"unknown-section"}


def test_what_is_not_there_is_told(tmp_path):
    seen = see_file(Asked(str(tmp_path / "none"), (), None))
    assert set(seen.faults.by_rule) == {"missing-source"}
