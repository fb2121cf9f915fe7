"""The fact cache: files that ansible-core reads and writes too, and that nobody has to trust."""

import json
import os
import stat
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lpse_ops.errors import SettingsError
from lpse_ops.playbook.factcache import (
    MAX_BYTES,
    FactCache,
    new_state,
    open_cache,
    parse_facts,
    render_facts,
)
from lpse_ops.playbook.hosts import GATHERED
from tests.playbook.loading import run_ansible, write_tree

NOW = 1_000_000.0


def make_cache(folder: Path, warnings: list[str], *, age: float = 0) -> FactCache:
    cache = open_cache("jsonfile", str(folder), "p_", 60, warnings.append, lambda: NOW + age)
    assert cache is not None
    return cache


def put(folder: Path, content: bytes, host: str = "db-1") -> Path:
    path = folder / f"p_s1_{host}"
    path.write_bytes(content)
    os.utime(path, (NOW, NOW))
    return path


def test_a_host_is_known_again_in_the_next_run(tmp_path):
    folder = tmp_path / "new" / "cache"
    state = new_state("db-1", make_cache(folder, []))
    state.learn({"ansible_os_family": "Debian"}, gathered=True)
    state.learn({"kind": ["a", {"b": 1.5}], "ansible_user": "root"})
    again = new_state("db-1", make_cache(folder, []))
    assert again.facts == {
        "os_family": "Debian", "kind": ["a", {"b": 1.5}], "user": "root", GATHERED: True
    }  # fmt: skip
    assert again.injected == {"ansible_os_family": "Debian", "kind": ["a", {"b": 1.5}]}
    assert again.is_gathered
    file = folder / "p_s1_db-1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again.clear_facts()
    assert not file.exists()
    assert not new_state("db-1", make_cache(folder, [])).facts


def test_without_a_cache_nothing_is_kept():
    assert open_cache("memory", "", "", 0, pytest.fail) is None
    state = new_state("db-1", None)
    state.learn({"a": 1})
    state.clear_facts()
    assert not state.facts
    assert not state.is_gathered


def test_old_facts_are_forgotten_unless_they_are_for_ever(tmp_path):
    put(tmp_path, render_facts({"a": 1}))
    assert make_cache(tmp_path, [], age=60).load("db-1") == {"a": 1}
    assert make_cache(tmp_path, [], age=61).load("db-1") == {}
    assert FactCache(tmp_path, "p_", 0, pytest.fail, lambda: NOW * 2).load("db-1") == {"a": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b'{"__payload__": 1}', b'{"__payload__": "[1]"}', b"\xff",
        b'{"__payload__": "{\\"a\\": {\\"__ansible_type\\": \\"Strange\\"}}"}', b"[" * 100_000,
    ],
    ids=range(9),
)  # fmt: skip
def test_a_damaged_file_is_a_warning_and_as_if_it_was_not_there(tmp_path, content):
    warnings: list[str] = []
    path = put(tmp_path, content)
    cache = make_cache(tmp_path, warnings)
    assert cache.load("db-1") == {}
    assert len(warnings) == 1
    assert warnings[0].startswith(f"the cached facts in {path} cannot be used (")
    cache.save("db-1", {"a": 1})
    os.utime(path, (NOW, NOW))
    assert cache.load("db-1") == {"a": 1}


def test_what_is_no_plain_file_or_has_no_end_is_not_read(tmp_path):
    warnings: list[str] = []
    cache = make_cache(tmp_path, warnings)
    os.mkfifo(tmp_path / "p_s1_fifo")
    (tmp_path / "p_s1_link").symlink_to("/etc/hostname")
    with put(tmp_path, b"", "big").open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    os.utime(tmp_path / "p_s1_big", (NOW, NOW))
    assert [cache.load(host) for host in ("fifo", "link", "big")] == [{}] * 3
    assert [each.partition("(")[2] for each in warnings] == [
        "no plain file)", "Too many levels of symbolic links)", "larger than 64 MiB)"
    ]  # fmt: skip


@pytest.mark.parametrize("host", ["../x", "a/b", "x\0y", "n" * 260])
def test_a_name_that_can_be_no_file_is_not_cached(tmp_path, host):
    cache = make_cache(tmp_path, [])
    cache.save(host, {"a": 1})
    assert cache.load(host) == {}
    cache.forget(host)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_or_removed_is_a_warning(tmp_path):
    warnings: list[str] = []
    cache = make_cache(tmp_path / "gone", warnings)
    (tmp_path / "gone").rmdir()
    cache.save("h", {})
    (tmp_path / "gone" / "p_s1_h").mkdir(parents=True)
    cache.forget("h")
    assert warnings == [
        f"cannot write the fact cache {tmp_path}/gone/p_s1_h: No such file or directory",
        f"cannot remove {tmp_path}/gone/p_s1_h: Is a directory",
    ]


@pytest.mark.parametrize(
    ("plugin", "folder", "message"),
    [
        ("redis", "x", "there is no fact cache 'redis'"),
        ("jsonfile", "", "requires the 'fact_caching_connection' config option"),
        ("ansible.builtin.jsonfile", "/dev/null/x", "cannot make the folder /dev/null/x"),
        ("jsonfile", "/proc/sys/kernel", "cannot be read and written"),
    ],
)
def test_settings_that_cannot_be_used(plugin, folder, message):
    with pytest.raises(SettingsError, match=message) as raised:
        open_cache(plugin, folder, "", 0, pytest.fail)
    assert "fact_caching" in raised.value.hint


def test_values_that_ansible_wraps_are_taken_and_their_tags_left():
    trusted = {"__ansible_type": "TrustedAsTemplate"}
    text = {"__ansible_type": "_AnsibleTaggedStr", "value": "{{ x }}", "tags": [trusted]}
    facts = {
        "text": text,
        "list": {"__ansible_type": "_AnsibleTaggedList", "value": [text, 1], "tags": []},
        "day": {"__ansible_type": "AnsibleSerializableDate", "iso8601": "2026-11-21"},
        "sealed": {"__ansible_type": "EncryptedString", "ciphertext": "$ANSIBLE_VAULT;1.1"},
        "nothing": None,
    }
    found = parse_facts(json.dumps({"__payload__": json.dumps(facts)}).encode())
    assert found == {
        "text": "{{ x }}", "list": ["{{ x }}", 1], "day": "2026-11-21",
        "sealed": "$ANSIBLE_VAULT;1.1", "nothing": None,
    }  # fmt: skip
    # Never a ``Text``: that would be a template.
    assert type(found["text"]) is type(found["list"][0]) is str


def test_a_host_cannot_write_what_ansible_would_trust():
    hostile = {"__ansible_type": "_AnsibleTaggedStr", "value": "{{ x }}", "tags": []}
    assert parse_facts(render_facts({"a": [hostile], "__ansible_type": "x"})) == {
        "a": [{"value": "{{ x }}", "tags": []}]
    }


# -- with the real one -----------------------------------------------------------------------

SETTINGS = {
    "ANSIBLE_CACHE_PLUGIN": "jsonfile",
    "ANSIBLE_CACHE_PLUGIN_CONNECTION": "cache",
    "ANSIBLE_CACHE_PLUGIN_PREFIX": "p_",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
    "ANSIBLE_GATHERING": "smart",
}
WRITES = """
- hosts: db-1
  tasks:
    - set_fact: {kept: "a {{ 1 + 1 }}", day: 2026-11-21, cacheable: true}
    - set_fact: {lost: 1}
"""


def test_ansible_reads_what_we_wrote_and_does_not_gather_again(tmp_path):
    (tmp_path / "cache").mkdir()
    state = new_state("db-1", make_cache(tmp_path / "cache", []))
    state.learn({"ansible_os_family": "ours"}, gathered=True)
    hostile = {"__ansible_type": "_AnsibleTaggedStr", "value": "{{ 6 * 7 }}"}
    hostile["tags"] = [{"__ansible_type": "TrustedAsTemplate"}]
    state.learn({
        "kept": {"a": [1, "{{ 6 * 7 }}"]}, "hostile": hostile,
        "day": date(2026, 11, 21), "time": datetime(2026, 11, 21, 8, tzinfo=UTC), "many": {3},
    })  # fmt: skip
    play = """
- hosts: db-1
  tasks:
    - assert:
        that:
          - ansible_facts.os_family == 'ours'
          - ansible_facts.kept.a[0] == 1
          - "'6 * 7' in ansible_facts.kept.a[1]"
          - "'6 * 7' in ansible_facts.hostile.value"
          - ansible_facts.day is not string
          - ansible_facts.time.hour == 8
          - many == [3]
"""
    write_tree(tmp_path, {"site.yml": play})
    done = run_ansible(
        "ansible-playbook", "-i", "db-1,", "-c", "local", "site.yml", cwd=tmp_path, env=SETTINGS
    )
    assert "Gathering Facts" not in done.stdout


@pytest.mark.parametrize("writer", ["ansible-playbook", "lpse-ops playbook run"])
def test_we_read_what_either_wrote_and_do_not_gather_again(tmp_path, writer):
    reads = """
- hosts: db-1
  tasks:
    - assert:
        that: [ansible_facts.kept == 'a 2', lost is undefined, ansible_facts.system == 'Linux']
"""
    write_tree(tmp_path, {"write.yml": WRITES, "read.yml": reads})
    flags = ["-i", "db-1,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    program, *verb = writer.split()
    run_ansible(program, *verb, *flags, "write.yml", cwd=tmp_path, env=SETTINGS)
    done = run_ansible(
        "lpse-ops", "playbook", "run", *flags, "read.yml", cwd=tmp_path, env=SETTINGS
    )
    assert "Gathering Facts" not in done.stdout
    nothing = "- {hosts: db-1, gather_facts: false, tasks: [{assert: {that: kept is undefined}}]}"
    write_tree(tmp_path, {"none.yml": nothing, "cache/p_s1_other": "of another inventory"})
    flush = ["playbook", "run", *flags, "--flush-cache", "none.yml"]
    run_ansible("lpse-ops", *flush, cwd=tmp_path, env=SETTINGS)
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["p_s1_other"]


def test_facts_that_are_nested_too_deeply_are_not_kept_and_no_end_of_the_run(tmp_path):
    warnings: list[str] = []
    state = new_state("db-1", make_cache(tmp_path, warnings))
    deep = json.loads('{"a":' * 700 + "1" + "}" * 700)
    state.learn({"deep": deep})
    assert state.facts["deep"] is deep
    assert "cannot write the fact cache" in warnings[0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_account_is_not_believed(tmp_path):
    file = put(tmp_path, render_facts({"pkg_mgr": "; id"}))
    os.chown(file, 12345, -1)
    warnings: list[str] = []
    assert make_cache(tmp_path, warnings).load("db-1") == {}
    assert "belongs to another account" in warnings[0]
    os.chown(file, 0, -1)
    assert make_cache(tmp_path, warnings).load("db-1") == {"pkg_mgr": "; id"}
    assert len(warnings) == 1
