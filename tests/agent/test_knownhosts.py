"""Entries of known_hosts beside ssh-keygen's view of them."""

import subprocess

import pytest

from lpse_ops.agent.knownhosts import hash_host, parse_entry, plan_absent, plan_present

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMHIEgiJ2OKHZDGcTYuZuyx4NmYyXi5VaLGqCyMzvkXT"
HOSTS = [
    "spse",
    "spse,10.0.0.1",
    "[spse]:2222",
    "*.example.org",
    "*.org,!spse.example.org",
    "sps?",
    "SPSE",
    "[s]pse",
    hash_host("spse"),
    hash_host("[spse]:2222"),
    "|1|broken",
    "|1|####|####",
]
NAMES = ["spse", "10.0.0.1", "[spse]:2222", "spse.example.org", "a.example.org", "lpse", "spsex"]


@pytest.fixture(scope="module")
def found_by_ssh(tmp_path_factory):
    path = tmp_path_factory.mktemp("known") / "known_hosts"
    path.write_text("".join(f"{hosts} {KEY}\n" for hosts in HOSTS))

    def found(name):
        argv = ["ssh-keygen", "-F", name, "-f", str(path)]
        said = subprocess.run(argv, capture_output=True, text=True).stdout
        return [line.split()[0] for line in said.splitlines() if not line.startswith("#")]

    return found


@pytest.mark.parametrize("name", NAMES)
def test_finds_what_ssh_keygen_finds(name, found_by_ssh):
    ours = [hosts for hosts in HOSTS if parse_entry(f"{hosts} {KEY}").is_of(name)]
    assert ours == found_by_ssh(name)


def test_hashes_as_ssh_keygen_does(tmp_path):
    path = tmp_path / "known_hosts"
    path.write_text(f"spse {KEY}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)
    assert parse_entry(path.read_text()).is_of("spse")
    assert not parse_entry(path.read_text()).is_of("lpse")


def test_removes_what_ssh_keygen_removes(tmp_path):
    lines = [
        "# spse\n",
        f"spse {KEY}\n",
        f"@cert-authority spse {KEY}\n",
        f"@revoked spse {KEY}\n",
        f"lpse,spse {KEY} comment\n",
        f"{hash_host('spse')} {KEY}\n",
        f"lpse {KEY}\n",
    ]
    path = tmp_path / "known_hosts"
    path.write_text("".join(lines))
    argv = ["ssh-keygen", "-R", "spse", "-f", str(path)]
    subprocess.run(argv, check=True, capture_output=True)
    assert "".join(plan_absent(lines, "spse", None)) == path.read_text()


def test_an_authority_is_no_other_key_of_its_host():
    lines = [f"@cert-authority spse {KEY}\n"]
    for line in (f"spse {KEY}", f"@cert-authority spse {KEY[:-1]}x", f"@revoked spse {KEY}"):
        entry = parse_entry(line)
        assert plan_present(lines, "spse", entry) == [*lines, entry.render()]
        assert plan_absent(lines, "spse", entry) == lines
    assert plan_absent(lines, "spse", parse_entry(lines[0])) == []


@pytest.mark.parametrize("line", ["", "# x", "spse", "spse ssh-rsa", "@revoked spse ssh-rsa"])
def test_no_entry(line):
    assert parse_entry(line) is None
