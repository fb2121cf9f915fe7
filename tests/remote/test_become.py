"""Working as another account: what is asked, what is answered, and why it may not work.

A real ``su`` to a real account; sudo's dialogue is played by a script here, and by the real one on
the lab's machines.
"""

import os
import pwd
import re
import signal

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.become import (
    BecomeRefused,
    describe,
    explain_refusal,
    next_step,
    plan_become,
    plan_flags,
)
from lpse_ops.remote.connect import HostLinks, open_link
from lpse_ops.remote.content import content_of_bytes
from lpse_ops.remote.target import Become, Target
from tests.remote.agents import is_running, open_links, wait_until
from tests.remote.sudo_script import write_sudo

NOBODY = pwd.getpwnam("nobody")
SU = Become("su", "nobody", flags="-s /bin/sh")


def sudo_to(**keys):
    """Root need not become root, so it is somebody else."""
    return Become(user="daemon", **keys)


@pytest.fixture
def sudo(tmp_path):
    """Write a sudo that wants a password, or does something else before it asks."""

    def write(password="", before=""):
        return write_sudo(tmp_path, password, before)

    return write


@pytest.fixture
def host():
    opened = open_links(python="/usr/bin/python3")
    yield opened
    opened.close()


def uid_of(link):
    return link.run("probe", {"do": "surroundings"})["uid"]


def test_su_runs_tasks_as_the_other_account(host):
    link = host.link(SU)
    assert link.hello.uid == NOBODY.pw_uid
    assert uid_of(link) == NOBODY.pw_uid
    assert uid_of(host.link()) == os.getuid()
    assert host.link(SU) is link


def test_a_terminal_in_between_changes_no_byte(host):
    content = os.urandom(3 << 20) + bytes(range(256))
    item = content_of_bytes(content)
    result = host.link(SU).run("probe", {"do": "receive"}, content=item)
    assert result["checksum"] == item.checksum


def test_what_a_module_prints_does_not_disturb_on_a_terminal(host):
    assert host.link(SU).run("probe", {"do": "print"}) == {"changed": False}


def test_the_other_accounts_agent_goes_with_the_login_accounts(host):
    pid = host.link(SU).hello.pid
    host.close()
    wait_until(lambda: not is_running(pid))


def test_the_login_accounts_end_is_said_once(host):
    other = host.link(SU)
    other.run("ping", {})
    pending = other.submit("probe", {"do": "sleep", "number": 1000})
    os.kill(host.link().hello.pid, signal.SIGKILL)
    with pytest.raises(HostUnreachable) as caught:
        pending.result()
    assert caught.value.message == "server: the agent has ended; the task may have run"
    assert uid_of(host.link(SU)) == NOBODY.pw_uid


def test_closing_one_account_leaves_the_other(host):
    other = host.link(SU)
    pid = other.hello.pid
    other.close()
    wait_until(lambda: not is_running(pid))
    assert host.link().run("ping", {})["ping"] == "pong"
    assert host.link(SU).run("ping", {})["ping"] == "pong"


def test_open_link_closes_all_that_it_opened():
    link = open_link(Target("server", connection="local", python="/usr/bin/python3", become=SU))
    assert link.run("ping", {})["ping"] == "pong"
    link.close()
    wait_until(lambda: not is_running(link.hello.pid))


def test_the_password_is_concealed_before_the_host_gets_to_know_it(sudo):
    concealed = set()
    links = HostLinks(
        Target("server", connection="local", python="/usr/bin/python3"), conceal=concealed.update
    )
    try:
        links.link()
        assert concealed == set()
        wrong = sudo_to(exe=sudo("rahasia"), password="bukan ini")
        with pytest.raises(BecomeRefused):
            links.link(wrong)
        assert concealed == {"bukan ini"}
    finally:
        links.close()


def test_sudo_without_a_password(host, sudo):
    assert host.link(sudo_to(exe=sudo())).run("ping", {})["ping"] == "pong"


def test_sudo_with_a_password_gets_it_once(host, sudo, tmp_path):
    become = sudo_to(exe=sudo("rahasia"), password="rahasia")
    assert host.link(become).run("ping", {})["ping"] == "pong"
    assert (tmp_path / "tried").read_text() == "rahasia\n"


def test_sudo_may_know_the_password_already(host, sudo):
    become = sudo_to(exe=sudo(), password="rahasia")
    assert host.link(become).run("ping", {})["ping"] == "pong"


def test_sudo_may_lecture(host, sudo):
    lecture = "echo 'We trust you have received the usual lecture. Password: is not it' >&2"
    become = sudo_to(exe=sudo("rahasia", lecture), password="rahasia")
    assert host.link(become).run("ping", {})["ping"] == "pong"


def test_a_wrong_password_is_tried_once(host, sudo, tmp_path):
    with pytest.raises(
        BecomeRefused, match="incorrect sudo password for daemon on server"
    ) as caught:
        host.link(sudo_to(exe=sudo("rahasia"), password="salah"))
    assert (tmp_path / "tried").read_text() == "salah\n"
    assert "salah" not in f"{caught.value} {caught.value.hint}"
    assert host.link().run("ping", {})["ping"] == "pong"


def test_a_password_that_the_host_says_back_is_not_shown(host, sudo):
    says = 'printf %s "$prompt" >&2; read -r given; echo "you said: $given" >&2; exit 1'
    with pytest.raises(BecomeRefused, match=r"you said: \*\*\*") as caught:
        host.link(sudo_to(exe=sudo(before=says), password="rahasia"))
    assert "rahasia" not in f"{caught.value} {caught.value.hint}"


def test_no_password_where_one_is_needed(host, sudo):
    with pytest.raises(BecomeRefused, match="sudo to daemon on server needs a password"):
        host.link(sudo_to(exe=sudo("rahasia")))


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("budi is not in the sudoers file.", "is not allowed: budi is not in the sudoers file."),
        ("Sorry, user budi may not run sudo on x.", "is not allowed"),
        ("sudo: something else", "failed: sudo: something else"),
    ],
)
def test_sudo_that_refuses(host, sudo, says, message):
    with pytest.raises(BecomeRefused, match=re.escape(message)):
        host.link(sudo_to(exe=sudo(before=f"echo '{says}' >&2; exit 1")))


def test_sudo_that_never_stops_talking(host, sudo):
    with pytest.raises(BecomeRefused, match="never stops talking"):
        host.link(sudo_to(exe=sudo(before="exec yes")))


def test_sudo_that_wants_a_terminal_gets_one(host, sudo):
    wants = "[ -t 0 ] || { echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1; }"
    assert host.link(sudo_to(exe=sudo(before=wants))).run("ping", {})["ping"] == "pong"


def test_sudo_that_never_answers(sudo):
    opened = open_links(python="/usr/bin/python3", timeout_seconds=1)
    try:
        opened.link()
        with pytest.raises(HostUnreachable, match="did not let us through in time"):
            opened.link(sudo_to(exe=sudo(before="exec sleep 100")))
    finally:
        opened.close()


def test_root_needs_nothing_to_become_root(host):
    assert host.link(Become(exe="/no/sudo")) is host.link()


def test_no_sudo_at_all(host):
    with pytest.raises(BecomeRefused, match="cannot run /no/sudo: No such file"):
        host.link(sudo_to(exe="/no/sudo"))


def test_an_unknown_method_is_refused(host):
    with pytest.raises(BecomeRefused, match="no become method 'doas'"):
        host.link(Become("doas", user="daemon"))


@pytest.mark.parametrize(
    ("flags", "password", "expected"),
    [
        (None, None, "-H -S -n"),
        (None, "x", "-H -S"),
        ("-Hn", "x", "-H -S"),
        ("-E --non-interactive", "x", "-E -S"),
        ("--stdin -n", "x", "--stdin"),
        ("-E", None, "-E"),
    ],
)
def test_flags_of_sudo(flags, password, expected):
    assert plan_flags(Become(flags=flags, password=password)) == expected.split()


def test_the_password_is_in_no_argument():
    become = Become(password="rahasia")
    request = plan_become(become, "true", token="t", on_terminal=False)
    assert "rahasia" not in repr(request)
    assert "rahasia" not in repr(become)


@pytest.mark.parametrize(
    ("output", "answers", "step"),
    [
        (b"", 0, "wait"),
        (b"Password: ", 0, "answer"),
        (b"Kata Sandi: ", 0, "answer"),
        ("パスワード：".encode(), 0, "answer"),
        (b"note: all is well\n", 0, "wait"),
        (b"\r\nsu: Authentication failure\r\n", 1, "wait"),
        (b"Password: ", 1, "wait"),
    ],
)
def test_questions_of_su(output, answers, step):
    become = Become("su", password="x")
    request = plan_become(become, "true", token="t", on_terminal=True)
    assert next_step(request, become, output, b"", answers) == step


def test_su_that_says_no():
    refusal = explain_refusal("server", Become("su"), "su: Authentication failure")
    assert refusal.message == "incorrect su password for root on server"


def test_what_is_told_of_becoming_has_no_password():
    become = sudo_to(exe="/usr/bin/sudo", password="rahasia")
    assert describe(become) == "/usr/bin/sudo -H -S -u daemon"
    assert describe(SU) == "su -s /bin/sh nobody"
