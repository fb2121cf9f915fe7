"""Logging in by password, where that is really possible: on a Debian host of the lab."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.openssh import open_openssh
from lpse_ops.remote.ssh import SshConnector, Surroundings
from lpse_ops.remote.target import Target
from tests.lab.accounts import VISITOR
from tests.lab.fixtures import lab, lab_host
from tests.lab.lab import Host

__all__ = ["lab", "lab_host"]

pytestmark = pytest.mark.xdist_group("lab")

# What the server asks for -> lines of sshd_config.
WAYS = {
    "password": "PasswordAuthentication yes\nKbdInteractiveAuthentication no",
    "questions": "PasswordAuthentication no\nKbdInteractiveAuthentication yes",
    "key and password": "AuthenticationMethods publickey,password",
    "key and questions": "KbdInteractiveAuthentication yes\n"
    "AuthenticationMethods publickey,keyboard-interactive",
}
DROP_IN = "/etc/ssh/sshd_config.d/way.conf"


@pytest.fixture(scope="module", params=WAYS)
def host(request, lab_host) -> Iterator[Host]:
    """The host, whose sshd wants to be asked in one way; afterwards as it was."""
    lab_host.run("tee", DROP_IN, stdin=WAYS[request.param] + "\n")
    restart_sshd(lab_host)
    yield lab_host
    lab_host.run("rm", DROP_IN)
    restart_sshd(lab_host)


def restart_sshd(host: Host) -> None:
    """And wait until it listens: after a mere reload it does not for a moment."""
    host.run("systemctl", "reset-failed", "ssh")
    host.run("systemctl", "restart", "ssh")


@pytest.fixture
def connector(host, tmp_path: Path) -> SshConnector:
    """Somebody who knows the host, has a key of the lab, and has no settings."""
    config = tmp_path / "config"
    config.write_text(
        f"UserKnownHostsFile {host.lab.known_hosts}\nIdentityFile {host.lab.key_file}\n"
        "Match user visitor\nIdentityAgent none\n"
    )
    return SshConnector(Surroundings(tmp_path, {}, "sari", (config,)))


def target(host: Host, **options) -> Target:
    return Target("web1", host=host.address, user=VISITOR.name, **options)


def run(connection) -> bytes:
    with contextlib.closing(connection):
        stream = connection.start("whoami")
        return stream.receive(10)


@pytest.mark.parametrize("host", ["password", "questions"], indirect=True)
def test_a_password_logs_in(host, tmp_path):
    # Without the lab's key, which would do it alone.
    (tmp_path / "config").write_text(f"UserKnownHostsFile {host.lab.known_hosts}\n")
    connector = SshConnector(Surroundings(tmp_path, {}, "sari", (tmp_path / "config",)))
    assert run(connector.open(target(host, password=VISITOR.password))) == b"visitor\n"
    with pytest.raises(HostUnreachable, match=r"tried the password\)") as wrong:
        connector.open(target(host, password="salah"))
    assert "--ask-pass" in wrong.value.hint
    assert "salah" not in wrong.value.message + wrong.value.hint
    with pytest.raises(HostUnreachable, match="there is no key or password"):
        connector.open(target(host))


@pytest.mark.parametrize("host", ["key and password", "key and questions"], indirect=True)
def test_a_server_may_want_key_and_password(host, connector):
    assert run(connector.open(target(host, password=VISITOR.password))) == b"visitor\n"
    with pytest.raises(HostUnreachable, match=r"the server wants (password|keyboard-interactive)"):
        connector.open(target(host))
    with pytest.raises(HostUnreachable, match=r"tried key .*, the password"):
        connector.open(target(host, password="salah"))


@pytest.mark.parametrize("host", ["password", "questions"], indirect=True)
def test_the_program_of_openssh_gets_the_password_unseen(host, tmp_path):
    options = ("-F", "none", "-o", f"UserKnownHostsFile={host.lab.known_hosts}")
    asked = target(host, password=VISITOR.password, ssh_common_args=options)
    with contextlib.closing(open_openssh(asked)) as connection:
        stream = connection.start("whoami; cat")
        assert stream.receive(10) == b"visitor\n", stream.errors()
        argv = Path(f"/proc/{stream.pid}/cmdline").read_bytes().decode()
        assert VISITOR.password not in argv
    assert VISITOR.password not in repr(asked)
    assert VISITOR.password not in os.environ.values()
    wrong = target(host, password="salah", ssh_common_args=options)
    with contextlib.closing(open_openssh(wrong)) as connection:
        stream = connection.start("whoami")
        assert stream.receive(10) == b""
        assert b"Permission denied" in stream.errors()
