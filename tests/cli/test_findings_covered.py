"""What of a line is shown beside a finding, when it holds a secret or is part of one."""

import pytest

from lpse_ops.cli.findings_covered import cover, cover_lines


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("h1 ansible_ssh_pass=rahasia ansible_port=0", "h1 ansible_ssh_pass=********"),
        ("h1 ansible_port=0 wifi_psk=rahasia", "h1 ansible_port=0 wifi_psk=********"),
        ("  a: {dbPassword: ra,hasia, b: 1}", "  a: {dbPassword: ********"),
        ("  ansible_become_password: [rahasia]", "  ansible_become_password: ********"),
        ("  '" + "api-token' : rahasia", "  'api-token' : ********"),
        ("  url: postgresql://u:rahasia@db/x", "  url: postgresql://u:********@db/x"),
        ("  ansible_host: 'u:rahasia@h'", "  ansible_host: 'u:********@h'"),
        ("  db_password: '{{ vault_pw }}'", "  db_password: '{{ vault_pw }}'"),
        ("  db_password: !vault |", "  db_password: !vault |"),
        ("  password_file: /etc/x", "  password_file: /etc/x"),
        ("  ansible_port: 0", "  ansible_port: 0"),
        ("x-" * 1_000_000, "x-" * 1_000_000),
        (" " * 2_000_000 + "x", " " * 2_000_000 + "x"),
        ("a:" * 1_000_000, "a:" * 1_000_000),
    ],
)
def test_what_follows_the_name_of_a_secret_is_covered(line, shown):
    assert cover(line) == shown


def test_what_is_below_the_name_of_a_secret_is_not_shown():
    lines = [
        "vars:",
        "  passwords:",
        "",
        "  # a comment",
        "  - rahasia",
        "  - a: rahasia",
        "    b: rahasia",
        "  ssl_private_key: |",
        "      rahasia",
        "  port: 0",
    ]
    shown = cover_lines(lines)
    assert not [line for line in shown if "rahasia" in line]
    assert shown[0] == lines[0]
    assert shown[-1] == lines[-1]


def test_a_key_in_a_list_is_above_what_is_further_in():
    assert cover_lines(["- token:", "    x: rahasia", "  b: 1"]) == ["- token:", "", "  b: 1"]
