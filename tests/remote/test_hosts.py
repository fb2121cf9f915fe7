"""Agents on a real host over a real line: accounts, sudo and su, a line that breaks."""

import contextlib
import os
import threading

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.become import BecomeRefused
from lpse_ops.remote.connect import HostLinks
from lpse_ops.remote.content import content_of_bytes
from lpse_ops.remote.ssh import SshConnector, Surroundings
from lpse_ops.remote.target import Become, Target
from tests.lab.accounts import OPERATOR, ROOT_PASSWORD, VISITOR
from tests.lab.fixtures import lab, lab_host
from tests.remote.agents import sources, wait_until

__all__ = ["lab", "lab_host"]

pytestmark = pytest.mark.xdist_group("lab")


@pytest.fixture
def log_in(lab_host, tmp_path):
    """Links to the host by an account; all are closed in the end."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "known_hosts").write_text(lab_host.lab.known_hosts.read_text())
    connector = SshConnector(Surroundings(tmp_path, {}, "nobody", (ssh / "config",)))
    with contextlib.ExitStack() as stack:

        def open_links(user="root", *, beat_seconds=10.0):
            target = Target(
                "server",
                host=lab_host.address,
                user=user,
                private_key_file=lab_host.lab.key_file,
            )
            links = HostLinks(
                target, connect=connector.open, sources=sources, beat_seconds=beat_seconds
            )
            stack.callback(links.close)
            return links

        yield open_links


def uid(link):
    return link.run("probe", {"do": "surroundings"})["uid"]


def test_tasks_and_content_over_ssh(log_in):
    link = log_in().link()
    sent, received = link.frames_sent, link.frames_received
    assert [link.run("ping", {})["ping"] for _ in range(5)] == ["pong"] * 5
    assert (link.frames_sent - sent, link.frames_received - received) == (5, 5)
    content = content_of_bytes(os.urandom(12 << 20))
    result = link.run("probe", {"do": "receive"}, content=content)
    assert result["checksum"] == content.checksum
    with open(os.devnull, "wb") as nothing:
        assert link.run("probe", {"do": "send", "number": 1 << 20}, save_to=nothing)


def test_sudo_without_a_password(log_in):
    links = log_in("debian")
    assert uid(links.link(Become())) == 0
    content = content_of_bytes(os.urandom(9 << 20))
    result = links.link(Become()).run("probe", {"do": "receive"}, content=content)
    assert result["checksum"] == content.checksum
    assert uid(links.link()) != 0
    assert uid(links.link(Become(user=OPERATOR.name))) not in (0, uid(links.link()))


def test_sudo_with_a_password_and_its_lecture(log_in, lab_host):
    lab_host.run("sh", "-c", "rm -rf /var/lib/sudo/lectured /run/sudo/ts")
    lab_host.run("sh", "-c", "echo 'Defaults lecture=always' > /etc/sudoers.d/lecture")
    try:
        become = Become(password=OPERATOR.password)
        assert uid(log_in(OPERATOR.name).link(become)) == 0
    finally:
        lab_host.run("rm", "/etc/sudoers.d/lecture")


def test_sudo_refuses_and_says_why(log_in):
    links = log_in(OPERATOR.name)
    with pytest.raises(BecomeRefused, match="sudo to root on server needs a password"):
        links.link(Become())
    with pytest.raises(BecomeRefused, match="incorrect sudo password") as caught:
        links.link(Become(password="bukan ini"))
    assert "bukan" not in caught.value.message
    with pytest.raises(BecomeRefused, match=r"not allowed.*visitor is not in the sudoers file"):
        log_in(VISITOR.name).link(Become(password=VISITOR.password))


def test_the_password_is_in_no_process_list(log_in, lab_host):
    link = log_in(OPERATOR.name).link(Become(password=OPERATOR.password))
    shown = lab_host.run("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '")
    assert "exec(zlib.decompress" in shown.stdout
    assert OPERATOR.password not in shown.stdout
    assert uid(link) == 0


def test_sudo_that_requires_a_terminal(log_in, lab_host):
    lab_host.run("sh", "-c", "echo 'Defaults:debian requiretty' > /etc/sudoers.d/tty")
    try:
        link = log_in("debian").link(Become())
        content = content_of_bytes(os.urandom(1 << 20))
        assert link.run("probe", {"do": "receive"}, content=content)["checksum"] == content.checksum
    finally:
        lab_host.run("rm", "/etc/sudoers.d/tty")


def test_su_with_a_password(log_in):
    links = log_in(VISITOR.name)
    assert uid(links.link(Become("su", password=ROOT_PASSWORD))) == 0
    with pytest.raises(BecomeRefused, match="incorrect su password"):
        links.link(Become("su", password="bukan ini"))
    with pytest.raises(BecomeRefused, match="needs a password"):
        links.link(Become("su"))


def test_su_from_root_needs_none(log_in):
    assert uid(log_in().link(Become("su", user=VISITOR.name))) != 0


def agents_on(host):
    return host.run("pgrep", "-fc", "exec.zlib.decompress", check=False).stdout.strip()


def test_a_line_that_falls_silent(log_in, lab_host, tmp_path):
    """The task is given up here; there, the agent ends it when it has heard nothing for long."""
    wait_until(lambda: agents_on(lab_host) == "0")
    link = log_in(beat_seconds=0.2).link()
    assert link.hello.uid == 0
    failed = []

    def wait():
        try:
            link.run("probe", {"do": "sleep", "number": 1000})
        except HostUnreachable as error:
            failed.append(error.message)

    waiting = threading.Thread(target=wait)
    waiting.start()
    lab_host.wire(down=True)
    try:
        waiting.join(20)
        assert not waiting.is_alive()
        assert "no sign of life" in failed[0]
        assert "may have run" in failed[0]
        wait_until(lambda: agents_on(lab_host) == "0")
    finally:
        lab_host.unwire()


def test_nothing_stays_on_the_host(log_in, lab_host):
    lab_host.run("touch", "/root/before")
    link = log_in().link()
    link.run("probe", {"do": "folder"})
    link.close()
    places = "/root /tmp /var/tmp /home /dev/shm /run/user"
    found = lab_host.run("sh", "-c", f"find {places} -newer /root/before -type f")
    assert found.stdout.replace("/root/before", "").strip() == ""


def test_a_host_that_is_rebooted_meanwhile(log_in, lab_host):
    """What was asked of it is not asked again; the next task finds it as it is then."""
    links = log_in()
    pending = links.link().submit("probe", {"do": "sleep", "number": 1000})
    boot_id = lab_host.boot_id()
    lab_host.reboot()
    with pytest.raises(HostUnreachable, match="may have run"):
        pending.result()
    assert links.link().run("slurp", {"src": "/proc/sys/kernel/random/boot_id"})["content"]
    assert lab_host.boot_id() != boot_id
