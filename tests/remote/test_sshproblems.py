import errno
import socket

import pytest
from paramiko.ssh_exception import (
    AuthenticationException,
    ChannelException,
    NoValidConnectionsError,
    SSHException,
)

from lpse_ops.remote.sshconfig import SshSettings
from lpse_ops.remote.sshproblems import FailedAt, explain, is_worth_another_try, tame
from lpse_ops.remote.transport import SessionRefused

HOST = SshSettings("web1", "10.0.0.1", 22, "sari")
JUMP = SshSettings("jump", "10.0.0.9", 2222, "gate")


def os_error(number: int) -> OSError:
    return OSError(number, "words of the system")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (os_error(errno.ECONNREFUSED), True),
        (NoValidConnectionsError({("10.0.0.1", 22): os_error(errno.ECONNREFUSED)}), True),
        (os_error(errno.ECONNRESET), True),
        (EOFError(), True),
        (SSHException("Error reading SSH protocol banner"), True),
        (ChannelException(2, "Connect failed"), True),
        (socket.gaierror(socket.EAI_AGAIN, "later"), True),
        (socket.gaierror(socket.EAI_NONAME, "never"), False),
        (ChannelException(1, "Administratively prohibited"), False),
        (TimeoutError(), False),
        (os_error(errno.EHOSTUNREACH), False),
        (AuthenticationException(), False),
        (SSHException("No existing session"), False),
        (ValueError("rubbish"), False),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(error, expected):
    assert is_worth_another_try(error) is expected
    assert is_worth_another_try(FailedAt(HOST, error)) is expected


@pytest.mark.parametrize(
    ("error", "problem", "hint"),
    [
        (os_error(errno.EHOSTUNREACH), "no route to the host", "ip route get 10.0.0.1"),
        (os_error(errno.ENETUNREACH), "no route to the host", "ip route get 10.0.0.1"),
        (os_error(errno.EPIPE), "the connection broke off (words of the system)", "sshd"),
        (EOFError(), "the connection broke off (EOFError)", "ssh -v sari@10.0.0.1"),
        (SSHException("No existing session"), "no answer in time", "--timeout 60"),
        (ValueError("\x1b[2J"), "the connection broke off (?[2J)", "sshd"),
        (
            ChannelException(1, "Administratively prohibited"),
            "the jump host gate@10.0.0.9:2222 forbids to go on",
            "AllowTcpForwarding yes",
        ),
    ],
)
def test_a_failure_is_said_in_words_of_what_to_do(error, problem, hint):
    said = explain(FailedAt(HOST, error), "web1", [JUMP, HOST])
    assert said.message == f"cannot connect to sari@10.0.0.1:22: {problem}"
    assert hint in said.hint


def test_a_failure_at_a_jump_host_names_both():
    error = FailedAt(JUMP, os_error(errno.ECONNREFUSED))
    said = explain(error, "web1", [JUMP, HOST])
    assert said.message == (
        "cannot connect to jump host gate@10.0.0.9:2222 of web1: connection refused"
    )


def test_a_server_that_allows_no_other_session_says_so():
    said = explain(ChannelException(2, "Connect failed"), "web1", [HOST])
    assert isinstance(said, SessionRefused)
    assert "sari@10.0.0.1:22: it allows no more sessions" in said.message
    assert "MaxSessions" in said.hint


def test_what_others_say_is_short_and_harmless():
    assert tame("a\x1b[2J\nb" + "c" * 1000) == "a?[2J?b" + "c" * 293
