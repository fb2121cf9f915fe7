import shlex
from pathlib import Path

import pytest

from lpse_ops.remote.ssharguments import SshArguments, parse_arguments


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("-o StrictHostKeyChecking=no", ("StrictHostKeyChecking no",)),
        ("-oUserKnownHostsFile=/dev/null", ("UserKnownHostsFile /dev/null",)),
        ("-o 'User root'", ("User root",)),
        (
            "-o ProxyCommand='ssh -o A=b -W %h:%p gate'",
            ("ProxyCommand ssh -o A=b -W %h:%p gate",),
        ),
        ("-J one,two -p2222 -l root", ("ProxyJump one,two", "Port 2222", "User root")),
        ("-qAi key", ("ForwardAgent yes", "IdentityFile key")),
        ("-C -o ControlMaster=auto -o ControlPersist=60s -o LogLevel=ERROR", ()),
    ],
)
def test_known_options_become_lines_of_the_configuration(text, lines):
    assert parse_arguments(shlex.split(text)) == SshArguments(lines)


def test_a_configuration_file_takes_the_place_of_the_others():
    assert parse_arguments(["-F", "/x"]) == SshArguments((), Path("/x"))
    assert parse_arguments(["-F", "~nobody-here/x"]) == SshArguments((), Path("~nobody-here/x"))


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "PKCS11Provider=/x"],
        ["-4"],
        ["-L", "1:b:2"],
        ["-o"],
        ["-p"],
        ["host"],
        ["-"],
        ["-o", "Port="],
        ["-o", "Port=1\nProxyCommand=x"],
    ],
)
def test_what_is_not_known_is_for_openssh(words):
    assert parse_arguments(words) is None
