import subprocess
from pathlib import Path

import pytest

from lpse_ops.remote.knownhosts import (
    Trust,
    authorities_for,
    fingerprint,
    judge_key,
    load_known_hosts,
    lookup_names,
    matches,
    parse_known_hosts,
    render_line,
)
from tests.lab.sshd import make_key

KIND = "ssh-ed25519"
ONE = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
TWO = "AAAAC3NzaC1lZDI1NTE5AAAAIP/+/fz7+vn49/b19PPy8fDv7u3s6+rp6Ofm5eTj4uHg"


def entries(text: str):
    return list(parse_known_hosts(text.encode(), "known_hosts"))


def judge(text: str, names: tuple[str, ...], key: str = ONE):
    [shown] = entries(f"x {KIND} {key}")
    verdict = judge_key(entries(text), names, KIND, shown.blob)
    return verdict.trust, verdict.entry.place if verdict.entry else ""


@pytest.mark.parametrize(
    ("host", "port", "alias", "names"),
    [
        ("Web1.Example", 22, "", ("web1.example",)),
        ("web1", 2222, "", ("[web1]:2222", "web1")),
        ("web1", 2222, "Alias", ("alias",)),
        ("::1", 22, "", ("::1",)),
    ],
)
def test_names_to_look_up(host, port, alias, names):
    assert lookup_names(host, port, alias) == names


# Each is judged by ssh-keygen -F too.
NAMES = [
    ("web1", "web1", True),
    ("web1", "web2", False),
    ("Web1", "web1", True),
    ("web1,10.0.0.1", "10.0.0.1", True),
    ("web*", "web17", True),
    ("web?", "web17", False),
    ("*,!web1", "web1", False),
    ("!web1,*", "web1", False),
    ("*,!web1", "web2", True),
    ("!web1", "web2", False),
    ("[web1]:2222", "[web1]:2222", True),
    ("[web1]:2222", "web1", False),
    ("[web*]:2222", "[web7]:2222", True),
    ("web1", "[web1]:2222", False),
    ("[abc]", "a", False),
]


@pytest.mark.parametrize(("names", "name", "expected"), NAMES)
def test_names_match_as_for_ssh_keygen(tmp_path: Path, names, name, expected):
    (tmp_path / "known_hosts").write_text(f"{names} {KIND} {ONE}\n")
    done = subprocess.run(
        ["ssh-keygen", "-F", name, "-f", tmp_path / "known_hosts"], capture_output=True
    )
    assert (done.returncode == 0) is expected
    assert matches(names, name) is expected


def test_hashed_names_of_ssh_keygen_are_found(tmp_path: Path):
    path = tmp_path / "known_hosts"
    path.write_text(f"web1,10.0.0.1 {KIND} {ONE}\n[web2]:2222 {KIND} {TWO}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", path], check=True, capture_output=True)
    found = load_known_hosts([path, tmp_path / "nothing"])
    assert "web" not in path.read_text()
    assert {name for each in found for name in ("web1", "web2") if matches(each.names, name)} == {
        "web1"
    }
    assert any(matches(each.names, "[web2]:2222") for each in found)
    assert any(matches(each.names, "10.0.0.1") for each in found)


@pytest.mark.parametrize(
    ("text", "names", "trust", "line"),
    [
        (f"web1 {KIND} {ONE}", ("web1",), Trust.TRUSTED, 1),
        (f"# c\n\nweb1 {KIND} {ONE} a comment", ("web1",), Trust.TRUSTED, 3),
        (f"web2 {KIND} {ONE}", ("web1",), Trust.UNKNOWN, 0),
        (f"web1 {KIND} {TWO}", ("web1",), Trust.CHANGED, 1),
        (f"web1 {KIND} {TWO}\nweb1 {KIND} {ONE}", ("web1",), Trust.TRUSTED, 2),
        (f"web1 ssh-rsa {TWO}", ("web1",), Trust.CHANGED, 1),
        (f"web1 {KIND} {ONE}\n@revoked * {KIND} {ONE}", ("web1",), Trust.REVOKED, 2),
        (f"web1 {KIND} {ONE}\n@revoked web2 {KIND} {ONE}", ("web1",), Trust.TRUSTED, 1),
        (f"@cert-authority * {KIND} {ONE}", ("web1",), Trust.UNKNOWN, 0),
        (f"web1 {KIND} {ONE}", ("[web1]:2222", "web1"), Trust.TRUSTED, 1),
        (f"web1 {KIND} {TWO}", ("[web1]:2222", "web1"), Trust.UNKNOWN, 0),
        (f"[web1]:2222 {KIND} {TWO}", ("[web1]:2222", "web1"), Trust.CHANGED, 1),
        (f"@nonsense web1 {KIND} {ONE}", ("web1",), Trust.UNKNOWN, 0),
        (f"web1 {KIND} not+base64!\nweb1\n|1|x {KIND} {ONE}", ("web1",), Trust.UNKNOWN, 0),
        (f"|1|a|b= {KIND} {ONE}", ("web1",), Trust.UNKNOWN, 0),
    ],
)
def test_a_key_is_judged(text, names, trust, line):
    assert judge(text, names) == (trust, f"known_hosts:{line}" if line else "")


def test_authorities_are_those_of_the_host():
    known = entries(f"@cert-authority *.example {KIND} {ONE}\n@cert-authority b {KIND} {TWO}\n")
    assert [each.names for each in authorities_for(known, ("web1.example",))] == ["*.example"]


def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path):
    make_key(tmp_path / "key")
    line = (tmp_path / "key.pub").read_text()
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", tmp_path / "key.pub"], capture_output=True, text=True
    ).stdout
    [entry] = entries(f"web1 {line}")
    assert fingerprint(entry.blob) == shown.split()[1]
    assert render_line("web1", entry.kind, entry.blob).split()[1:] == line.split()[:2]
