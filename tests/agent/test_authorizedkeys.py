"""Lines of authorized_keys: which key they hold, with what options."""

import pytest

from lpse_ops.agent.authorizedkeys import KEY_TYPES, parse_key, plan_absent, plan_present

KEY = "ssh-ed25519 AAAAC3Nz"


@pytest.mark.parametrize(
    ("line", "options", "comment"),
    [
        (KEY, (), ""),
        (KEY + " a  b\tc\n", (), "a b c"),
        (f"no-pty {KEY} x", ("no-pty",), "x"),
        (f'from="a,b",no-pty\t{KEY}', ('from="a,b"', "no-pty"), ""),
        (
            f'command="say \\"ssh-rsa AAAA\\", x" {KEY}',
            ('command="say \\"ssh-rsa AAAA\\", x"',),
            "",
        ),
        (f"{KEY} ssh-rsa AAAA", (), "ssh-rsa AAAA"),
    ],
)
def test_a_key(line, options, comment):
    assert parse_key(line) == (options, "ssh-ed25519", "AAAAC3Nz", comment)


@pytest.mark.parametrize(
    "line", ["", "\n", "# " + KEY, "ssh-ed25519", "no-pty ssh-ed25519", "a b c", 'x="y ' + KEY]
)
def test_no_key(line):
    assert parse_key(line) is None


def test_keys_of_tokens_and_certificates_are_keys():
    for kind in ("sk-ssh-ed25519@openssh.com", "ssh-rsa-cert-v01@openssh.com"):
        assert kind in KEY_TYPES


def test_what_is_no_key_stays_unless_all_else_is_to_go():
    lines = ["# sari\n", "\n", "nonsense\n", KEY + " x\n"]
    new = parse_key("ssh-rsa AAAAB3")
    assert plan_present(lines, [new], exclusive=False) == [*lines, new.render()]
    assert plan_absent(lines, [parse_key(KEY)]) == lines[:3]
    assert plan_present(lines, [parse_key(KEY + " x")], exclusive=True) == lines[3:]
