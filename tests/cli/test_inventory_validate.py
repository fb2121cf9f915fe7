"""``lpse-ops inventory validate`` as a user and a pipeline run it."""

from pathlib import Path

import pytest

from tests.cli.commands import Ended, lpse_ops
from tests.inventory.judges import write_site

HOSTS = """\
all:
  children:
    web:
      hosts:
        w1: {ansible_host: 10.0.0.300, ansible_password: rahasia}
        w2: {ansible_host: 10.0.0.2}
        w3: {ansible_host: 10.0.0.2}
"""
TODAY = ("--today", "2027-01-15", "--skip", "secret-in-clear")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    files = {
        "inventory/hosts.yml": HOSTS,
        "fine/hosts": "[web]\nw1\n",
        "warned/hosts": "[web]\nw1\n[later]\n",
        "program/hosts": "#!/bin/sh\ntouch was-run\n",
        "empty/hosts.yml": "# none yet\n",
    }
    return write_site(tmp_path, files)


def validate(site: Path, *args: str, **options) -> Ended:
    return lpse_ops("inventory", "validate", *TODAY, *args, cwd=site, **options)


def test_findings_as_text_show_the_line_and_what_to_do(site):
    ended = validate(site)
    assert (ended.code, ended.stderr) == (1, "")
    assert (
        ended.stdout
        == """\
inventory/hosts.yml:5:28: error: '10.0.0.300' is no address [bad-address]
            w1: {ansible_host: 10.0.0.300, ansible_password: ********
                               ^
    write an address such as 192.0.2.10, or a name such as db-1.example.go.id
inventory/hosts.yml:7:28: warning: 'w3' and 'w2' are both at 10.0.0.2 port 22 [same-address]
            w3: {ansible_host: 10.0.0.2}
                               ^
    correct the address of one, or accept that one machine has two names
1 error, 1 warning
"""
    )


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["-i", "fine"], 0),
        (["-i", "fine", "--strict"], 0),
        (["-i", "warned"], 0),
        (["-i", "warned", "--strict"], 1),
        (["-i", "inventory"], 1),
        (["-i", "none.yml"], 1),
        (["-i", "program", "--strict"], 0),
        (["-i", "empty"], 5),
        (["--rule", "same-adress"], 2),
        (["--explain", "nothing-like-it"], 2),
        (["--today", "tomorrow"], 2),
        (["--list-rules", "--format", "sarif"], 2),
        (["--ignore-file", "fine/hosts"], 78),
        (["--settings", "none.yml"], 78),
    ],
)
def test_the_exit_code_says_what_came_out(args, code, site):
    assert validate(site, *args).code == code


@pytest.mark.parametrize("name", ["text", "json", "sarif", "junit", "gitlab", "github"])
def test_no_format_tells_a_secret(name, tmp_path):
    ini = (
        "w1 ansible_ssh_pass=rahasia ansible_port=x\nw2 ansible_port=x wifi_psk=rahasia\n"
        "w3 db_password=my rahasia\nw4 ansible_host=u:rahasia@h\n"
        "w6 ansible_host=ssh://u:rahasia@h\n"
    )
    yaml = (
        "passwords:\n  a: rahasia\n  a: rahasia\nansible_become_pass: [rahasia]\n"
        "ansible_password: {a: ra, b: 'rahasia'}\n"
    )
    broken = "tls_private_key: |\n    x\n  y: rahasia\n"
    files = {"hosts": ini, "group_vars/all.yml": yaml, "host_vars/w1.yml": broken}
    ended = lpse_ops(
        *("inventory", "validate", "-i", "hosts", "--format", name), cwd=write_site(tmp_path, files)
    )
    assert ended.code == 1
    assert "wrong-type" in ended.stdout
    assert "yaml-syntax" in ended.stdout
    assert "rahasia" not in ended.stdout + ended.stderr


def test_nothing_of_an_encrypted_file_is_told(tmp_path):
    values = (
        "time_zone: rahasia\nups: [no]\nbackup_destinations: ['x:https://u:rahasia@h']\n"
        "warranty_until: rahasia\nspse_domain: rahasia rahasia\nspse_public_address: rahasia\n"
        "lkpp_addresses: [rahasia]\nssh_port: rahasia\nansible_ssh_host_key: rahasia\n"
        "ansible_port: rahasia\nansible_host: u:rahasia@h\n"
    )
    files = {"hosts": "[spse]\ns1\n", "group_vars/spse.yml": values, "password": "p\n"}
    site = write_site(tmp_path, files)
    vault = ("--vault-password-file", "password")
    assert lpse_ops("vault", "encrypt", *vault, "group_vars/spse.yml", cwd=site).code == 0
    ended = lpse_ops("inventory", "validate", "-i", "hosts", *vault, cwd=site)
    assert ended.stdout.count("what is encrypted here") == 9
    assert ended.stdout.count(": error: ") == 11
    assert "rahasia" not in ended.stdout + ended.stderr


def test_a_site_that_is_not_filled_in_can_be_looked_at(site):
    (site / "lpse-ops.yml").write_text("site:\n  name:\n  slug:\n  time_zone:\n")
    assert validate(site).code == 1
    assert validate(site, "-i", "fine").code == 0
    (site / "lpse-ops.yml").write_text("site:\n  name:\n  slugg: x\n")
    assert validate(site, "-i", "fine").code == 78


def test_a_program_is_not_run_and_that_is_told(site):
    ended = validate(site, "-i", "program")
    assert ended.stdout == ""
    assert "note: program/hosts is a program, which is not run here" in ended.stderr
    assert not (site / "was-run").exists()
    assert not (site / "program" / "was-run").exists()


def test_chosen_rules_alone_are_looked_at(site):
    found = validate(site, "--rule", "same-address", "--format", "json").json()["findings"]
    assert [each["rule"] for each in found] == ["same-address"]
    found = validate(site, "--skip", "same-address", "--format", "json").json()["findings"]
    assert [each["rule"] for each in found] == ["bad-address"]


def test_json_has_a_schema_counts_and_places(site):
    data = validate(site, "--format", "json").json()
    assert (data["schema"], data["today"]) == ("lpse-ops/inventory/validate/1", "2027-01-15")
    assert (data["errors"], data["warnings"]) == (1, 1)
    assert data["findings"][0] == {
        "rule": "bad-address",
        "severity": "error",
        "file": "inventory/hosts.yml",
        "line": 5,
        "column": 28,
        "subject": "w1",
        "message": "'10.0.0.300' is no address",
        "hint": "write an address such as 192.0.2.10, or a name such as db-1.example.go.id",
    }


@pytest.mark.parametrize("name", ["text", "json", "sarif", "junit", "gitlab", "github"])
def test_every_format_goes_into_a_file_and_is_the_same_each_time(name, site):
    first = validate(site, "--format", name)
    ended = validate(site, "--format", name, "--output", "found")
    assert (first.code, ended.code, ended.stdout, ended.stderr) == (1, 1, "", "")
    assert (site / "found").read_text() == first.stdout
    assert "rahasia" not in first.stdout


def test_files_are_named_from_here_however_they_are_asked_for(site):
    whole = validate(site, "-i", str(site / "inventory"), "--format", "json")
    assert whole.json() == validate(site, "-i", "./inventory/", "--format", "json").json()


def test_the_order_is_that_of_the_names_that_are_told(site):
    one = validate(site, "-i", "inventory", "-i", "warned", "--format", "sarif")
    other = validate(site, "-i", f"{site}/inventory", "-i", "./warned", "--format", "sarif")
    assert one.stdout.count("artifactLocation") == 3
    assert other.stdout == one.stdout


def test_a_file_under_two_names_is_told_of_once(site):
    once = validate(site, "-i", "inventory", "--rule", "bad-address")
    twice = validate(site, "-i", "inventory", "-i", f"{site}/inventory", "--rule", "bad-address")
    assert twice.stdout == once.stdout


def test_what_is_accepted_stands_beside_the_inventory(site):
    entry = "- {rule: same-address, host: w3, reason: one machine, until: 2027-02-01}\n"
    (site / "inventory" / ".lpse-ops-ignore.yml").write_text(entry)
    found = validate(site, "--format", "json").json()["findings"]
    assert [each["rule"] for each in found] == ["bad-address"]
    later = validate(site, "--format", "json", "--today", "2027-02-02").json()["findings"]
    assert [each["rule"] for each in later] == ["ignore-expired", "bad-address", "same-address"]


def test_a_broken_list_of_what_is_accepted_is_an_error_with_its_place(site):
    (site / "inventory" / ".lpse-ops-ignore.yml").write_text("- {rule: x, until: 2027-02-01}\n")
    ended = validate(site)
    assert (ended.code, ended.stdout) == (78, "")
    assert "inventory/.lpse-ops-ignore.yml:1:3: the entry has no 'reason'" in ended.stderr


def test_playbooks_say_which_variables_are_used(site):
    write_site(
        site,
        {
            "fine/group_vars/web.yml": "listen_prot: 80\nunrelated: 1\n",
            "site.yml": "- hosts: web\n  tasks:\n    - debug: {msg: '{{ listen_port }}'}\n",
        },
    )
    args = ["-i", "fine", "--playbook", "site.yml", "--format", "json"]
    found = validate(site, *args).json()["findings"]
    assert [(each["rule"], each["file"], each["line"], each["column"]) for each in found] == [
        ("unknown-variable", "fine/group_vars/web.yml", 1, 1),
        ("undefined-variable", "site.yml", 3, 24),
    ]
    assert validate(site, "-i", "fine", "--playbook", "none.yml").code == 1


def test_secrets_are_opened_with_the_password(site):
    (site / "password").write_text("rahasia\n")
    (site / "fine/group_vars").mkdir()
    (site / "fine/group_vars/web.yml").write_text("ansible_port: 0\n")
    vault = ["--vault-password-file", "password"]
    assert lpse_ops("vault", "encrypt", "fine/group_vars/web.yml", *vault, cwd=site).code == 0
    closed = validate(site, "-i", "fine")
    assert (closed.code, closed.stdout) == (0, "")
    assert "fine/group_vars/web.yml is vault-encrypted" in closed.stderr
    opened = validate(site, "-i", "fine", *vault)
    assert opened.code == 1
    # Of an encrypted file no line is shown.
    assert opened.stdout.splitlines()[1:2] == [
        "    write a port from 1 to 65535; ssh listens on 22 unless somebody changed that"
    ]


def test_every_rule_is_listed_and_explains_itself(site):
    listed = validate(site, "--list-rules", "--format", "json").json()["rules"]
    names = [each["id"] for each in listed]
    assert names == sorted(set(names))
    assert len(names) > 20
    for each in listed:
        assert each["severity"] in ("error", "warning", "note")
        assert each["title"].endswith(".")
        assert each["text"]
    text = validate(site, "--explain", "same-address").stdout
    assert text.startswith("same-address (warning)\n\nTwo hosts are reached at one address")
