"""Connections to a real sshd, through real jump hosts, agents and certificates."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.connections import Connections
from lpse_ops.remote.ssh import SshConnector, Surroundings, open_ssh
from lpse_ops.remote.sshstream import execute
from lpse_ops.remote.target import Target
from tests.lab.delayproxy import open_delay_proxy
from tests.lab.sshd import Sshd, free_port, make_key, open_sshd

pytestmark = pytest.mark.xdist_group("ssh")


@dataclass
class Person:
    """Somebody with a home folder, who connects to a server."""

    home: Path
    server: Sshd
    environment: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    @property
    def ssh(self) -> Path:
        return self.home / ".ssh"

    def knows(self, *lines: str) -> None:
        (self.ssh / "known_hosts").write_text("".join(f"{line}\n" for line in lines))

    def configures(self, text: str) -> None:
        (self.ssh / "config").write_text(text)

    def connector(self) -> SshConnector:
        around = Surroundings(self.home, self.environment, self.server.user, (self.ssh / "config",))
        return SshConnector(around, wait=self.waits.append, chance=lambda: 0.5)

    def target(self, **options) -> Target:
        given = {
            "name": "web1",
            "host": self.server.host,
            "port": self.server.port,
            "private_key_file": self.server.key_file,
            "timeout_seconds": 5,
        }
        return Target(**(given | options))

    def run(self, command: str = "echo in", **options) -> str:
        """Connect, run a command and return what it said."""
        with contextlib.closing(self.connector().open(self.target(**options))) as connection:
            return read_all(connection.start(command)).decode()

    def fails(self, **options) -> HostUnreachable:
        with pytest.raises(HostUnreachable) as caught:
            self.run(**options)
        assert caught.value.hint
        return caught.value


def read_all(stream) -> bytes:
    received = b""
    while (more := stream.receive(10)) != b"":
        assert more is not None
        received += more
    return received


def known_line(server: Sshd) -> str:
    return f"[{server.host}]:{server.port} {server.host_key}"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Sshd]:
    with open_sshd(tmp_path_factory.mktemp("server") / "sshd") as running:
        yield running


@pytest.fixture(scope="module")
def bastion(tmp_path_factory) -> Iterator[Sshd]:
    """A jump host that drops whoever comes when ten others are not logged in yet."""
    settings = {"MaxStartups": "10:100:10"}
    with open_sshd(tmp_path_factory.mktemp("bastion") / "sshd", settings=settings) as running:
        yield running


@pytest.fixture
def person(tmp_path: Path, server: Sshd) -> Person:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    somebody = Person(home, server)
    somebody.knows(known_line(server))
    return somebody


@pytest.fixture
def connection(person):
    with contextlib.closing(person.connector().open(person.target())) as opened:
        yield opened


# --- streams --------------------------------------------------------------------------------------


def test_a_program_has_its_input_output_errors_and_status(connection):
    stream = connection.start("cat; echo wrong >&2; exit 3")
    stream.send(bytes(range(256)))
    stream.end_input()
    assert read_all(stream) == bytes(range(256))
    assert (stream.status(5), stream.errors()) == (3, b"wrong\n")


def test_nothing_is_lost_of_much_in_both_directions(connection):
    stream = connection.start("cat")
    content = os.urandom(1 << 20) * 24
    sender = threading.Thread(target=lambda: (stream.send(content), stream.end_input()))
    sender.start()
    assert read_all(stream) == content
    sender.join()


@pytest.mark.parametrize(
    "settings", [{"RekeyLimit": "1M"}, {"Ciphers": "aes128-ctr"}, {"Ciphers": "aes256-cbc"}]
)
def test_nothing_is_lost_with_other_ciphers_and_new_keys(person, tmp_path, settings):
    with open_sshd(tmp_path / "other", settings=settings) as other:
        elsewhere = replace(person, server=other)
        elsewhere.knows(known_line(other))
        connector = elsewhere.connector()
        with contextlib.closing(connector.open(elsewhere.target())) as opened:
            test_nothing_is_lost_of_much_in_both_directions(opened)


def test_what_the_server_refuses_to_start_is_an_error(connection):
    # sshd answers to a second request of a channel with a refusal.
    stream = connection.start("sleep 5")
    execute(stream._channel, "true")
    with pytest.raises(ConnectionResetError):
        stream.receive(10)


def test_errors_that_nobody_asks_for_do_not_hold_the_program_up(connection):
    stream = connection.start("head -c 40000000 /dev/zero >&2; echo end >&2; echo done")
    assert read_all(stream) == b"done\n"
    assert stream.errors().endswith(b"end\n")
    assert len(stream.errors()) <= 8192


def test_silence_is_no_end(connection):
    stream = connection.start("sleep 5")
    assert stream.receive(0.05) is None
    assert stream.status(0) is None
    stream.close()
    stream.close()
    assert stream.receive(1) == b""
    with pytest.raises(OSError, match="closed"):
        stream.send(b"x")


def test_several_programs_run_over_one_connection(connection):
    streams = [connection.start(f"cat; echo {number}") for number in range(3)]
    for stream in reversed(streams):
        stream.end_input()
    assert [read_all(stream) for stream in streams] == [b"0\n", b"1\n", b"2\n"]


def test_a_connection_that_breaks_is_an_error_and_no_end(person):
    with open_delay_proxy(person.server.host, person.server.port, delay_ms=0) as line:
        target = person.target(port=line.port, host_key_checking=False)
        with contextlib.closing(person.connector().open(target)) as opened:
            stream = opened.start("cat")
            stream.send(b"hello")
            assert stream.receive(5) == b"hello"
            line.cut()
            with pytest.raises(ConnectionResetError):
                stream.receive(10)
            with pytest.raises(OSError, match="closed"):
                stream.send(b"more")
            with pytest.raises(HostUnreachable):
                opened.start("true")


def test_closing_does_not_wait_for_a_silent_network(person):
    with open_delay_proxy(person.server.host, person.server.port, delay_ms=0) as line:
        target = person.target(port=line.port, host_key_checking=False)
        opened = person.connector().open(target)
        stream = opened.start("sleep 100; cat >/dev/null")
        line.freeze()
        sender = threading.Thread(target=send_until_it_fails, args=(stream,))
        sender.start()
        assert stream.receive(0.2) is None
        stream.close()
        opened.close()
        sender.join(10)
        assert not sender.is_alive()
        line.thaw()


def send_until_it_fails(stream) -> None:
    with contextlib.suppress(OSError):
        stream.send(bytes(64_000_000))


def test_packets_leave_at_once_and_a_silent_network_is_noticed(connection):
    sock = connection._link.transport.sock
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


# --- host keys ------------------------------------------------------------------------------------


def test_a_host_that_is_not_known_is_refused_and_the_hint_makes_it_known(person):
    person.knows()
    error = person.fails()
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", person.server.folder / "host_key.pub"],
        capture_output=True,
        text=True,
    ).stdout.split()[1]
    assert f"the host key of 127.0.0.1 is not known: ssh-ed25519 {shown}" in error.message
    command = re.search(r"ssh-keyscan .*", error.hint)[0]
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert person.run() == "in\n"


def test_a_hashed_name_and_a_name_without_the_port_are_known(person):
    subprocess.run(
        ["ssh-keygen", "-H", "-f", person.ssh / "known_hosts"], check=True, capture_output=True
    )
    assert person.run() == "in\n"
    person.knows(f"127.0.0.* {person.server.host_key}")
    assert person.run() == "in\n"


def test_a_host_key_that_has_changed_is_refused(person, tmp_path):
    make_key(tmp_path / "other")
    other = (tmp_path / "other.pub").read_text().strip()
    person.knows("# one line before", f"[127.0.0.1]:{person.server.port} {other}")
    error = person.fails()
    assert "the host key of 127.0.0.1 has changed" in error.message
    assert f"{person.ssh}/known_hosts:2" in error.message
    assert f"ssh-keygen -R '[127.0.0.1]:{person.server.port}'" in error.hint
    person.configures("StrictHostKeyChecking accept-new")
    assert "has changed" in person.fails().message
    assert person.run(host_key_checking=False) == "in\n"


def test_a_revoked_host_key_is_refused(person):
    person.knows(known_line(person.server), f"@revoked * {person.server.host_key}")
    assert "is revoked" in person.fails().message


def test_a_new_host_is_remembered_when_that_is_wanted(person):
    person.knows()
    person.configures("StrictHostKeyChecking accept-new")
    assert person.run() == "in\n"
    assert (person.ssh / "known_hosts").read_text() == known_line(person.server) + "\n"
    person.configures("")
    assert person.run() == "in\n"


def test_a_host_key_alias_stands_for_the_name(person):
    person.knows(f"the-server {person.server.host_key}")
    person.configures("HostKeyAlias The-Server")
    assert person.run() == "in\n"


def test_the_kind_of_key_that_is_known_is_asked_for(person, tmp_path):
    make_key(tmp_path / "rsa", "rsa")
    make_key(tmp_path / "ed25519")
    keys = f"{tmp_path / 'ed25519'}\nHostKey {tmp_path / 'rsa'}"
    with open_sshd(tmp_path / "sshd", settings={"HostKey": keys}) as server:
        public = (tmp_path / "rsa.pub").read_text()
        person.knows(f"[127.0.0.1]:{server.port} {public}")
        assert person.run(port=server.port, private_key_file=server.key_file) == "in\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca"
    make_key(path)
    return path


def sign(authority: Path, key: Path, *options: str) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-s", authority, "-I", "an id", *options, f"{key}.pub"], check=True
    )
    return key.with_name(f"{key.name}-cert.pub")


def authority_line(authority: Path, pattern: str = "*") -> str:
    return f"@cert-authority {pattern} {Path(f'{authority}.pub').read_text().strip()}"


@contextlib.contextmanager
def certified_server(folder: Path, authority: Path, *options: str, kind: str = "ed25519"):
    make_key(folder / "key", kind)
    certificate = sign(authority, folder / "key", *options)
    settings = {"HostKey": str(folder / "key"), "HostCertificate": str(certificate)}
    with open_sshd(folder / "sshd", settings=settings) as running:
        yield running


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_host_certificate_of_a_known_authority_is_trusted(person, authority, tmp_path, kind):
    options = ("-h", "-n", "web1,127.0.0.*")
    with certified_server(tmp_path, authority, *options, kind=kind) as server:
        person.server = server
        person.knows(authority_line(authority, "127.0.0.1,[127.0.0.1]:*"))
        assert person.run() == "in\n"
        person.knows(authority_line(authority, "web1"))
        assert "is not known" in person.fails().message
        revoked = f"@revoked * {Path(f'{authority}.pub').read_text()}"
        person.knows(authority_line(authority), revoked)
        assert "is revoked" in person.fails().message


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-h", "-n", "web2"), "it is for web2"),
        (("-h",), "it is for nobody"),
        (("-h", "-n", "127.0.0.1", "-V", "20200101:20200102"), "it is not valid now"),
    ],
)
def test_a_host_certificate_that_does_not_hold_is_refused(
    person, authority, tmp_path, options, problem
):
    with certified_server(tmp_path, authority, *options) as server:
        person.server = server
        person.knows(authority_line(authority))
        error = person.fails()
        assert f"the host certificate of 127.0.0.1 is not accepted: {problem}" in error.message


def test_a_host_certificate_of_somebody_else_is_refused(person, authority, tmp_path):
    make_key(tmp_path / "stranger")
    with certified_server(tmp_path, tmp_path / "stranger", "-h", "-n", "127.0.0.1") as server:
        person.server = server
        person.knows(authority_line(authority))
        assert "nobody trusts its signer SHA256:" in person.fails().message


# --- logging in -----------------------------------------------------------------------------------


def test_a_key_that_is_not_wanted_is_refused_with_what_was_tried(person, tmp_path):
    make_key(tmp_path / "other")
    error = person.fails(private_key_file=tmp_path / "other", password="secret")
    assert f"permission denied for {person.server.user}" in error.message
    assert f"tried key {tmp_path}/other, the password" in error.message
    assert "the server wants publickey" in error.message
    assert "--private-key" in error.hint
    assert "secret" not in error.message + error.hint + repr(person.target(password="secret"))


def test_without_any_key_the_hint_says_how_to_have_one(person):
    error = person.fails(private_key_file=None)
    assert "there is no key or password" in error.message
    assert "ssh-add" in error.hint


def test_the_keys_of_the_home_folder_and_of_the_configuration_are_found(person, tmp_path):
    shutil.copy(person.server.key_file, person.ssh / "id_ed25519")
    assert person.run(private_key_file=None) == "in\n"
    (person.ssh / "id_ed25519").rename(tmp_path / "elsewhere")
    person.configures(f"IdentityFile ~/.ssh/nothing\nIdentityFile {tmp_path}/elsewhere")
    assert person.run(private_key_file=None) == "in\n"


@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
def test_a_locked_key_needs_its_passphrase(person, tmp_path, form):
    key = tmp_path / "locked"
    kind = ["-t", "rsa", "-m", "PEM"] if form == "PEM" else ["-t", "ed25519"]
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", "kata sandi", "-f", key], check=True)
    authorize(person, key, tmp_path)
    with open_sshd_for(person, tmp_path):
        error = person.fails(private_key_file=key)
        assert f"the key {key} is locked with a passphrase" in error.message
        assert f"ssh-add {key}" in error.hint
        assert (
            "is locked"
            in person.fails(private_key_file=key, private_key_passphrase="another").message
        )
        options = {"private_key_file": key, "private_key_passphrase": "kata sandi"}
        assert person.run(**options) == "in\n"


def authorize(person: Person, key: Path, folder: Path) -> None:
    shutil.copy(f"{key}.pub", folder / "authorized")


@contextlib.contextmanager
def open_sshd_for(person: Person, folder: Path, **settings: str):
    """A server that lets in whom ``authorized`` names, and whom the person knows."""
    ours = {"AuthorizedKeysFile": str(folder / "authorized"), **settings}
    with open_sshd(folder / "sshd", settings=ours) as running:
        person.server = running
        person.knows(known_line(running))
        yield running


@contextlib.contextmanager
def open_agent(person: Person, *keys: Path):
    started = subprocess.Popen(
        ["ssh-agent", "-D", "-a", person.home / "agent"], stdout=subprocess.DEVNULL
    )
    try:
        while not (person.home / "agent").exists():
            assert started.poll() is None
        person.environment["SSH_AUTH_SOCK"] = str(person.home / "agent")
        for key in keys:
            subprocess.run(["ssh-add", "-q", key], check=True, env=os.environ | person.environment)
        yield
    finally:
        started.terminate()
        started.wait()


def test_an_agent_logs_in(person, tmp_path):
    make_key(tmp_path / "other")
    with open_agent(person, tmp_path / "other", person.server.key_file):
        assert person.run(private_key_file=None) == "in\n"
        person.configures("IdentitiesOnly yes")
        assert "no key or password" in person.fails(private_key_file=None).message
        # What only the agent holds is named by its public half.
        shutil.copy(f"{person.server.key_file}.pub", person.ssh / "mine.pub")
        person.configures(f"IdentitiesOnly yes\nIdentityFile {person.ssh}/mine.pub")
        assert person.run(private_key_file=None) == "in\n"
        person.configures("IdentityAgent none")
        assert "no key or password" in person.fails(private_key_file=None).message


def test_an_agent_that_is_gone_is_none(person):
    person.environment["SSH_AUTH_SOCK"] = str(person.home / "nothing")
    assert person.run() == "in\n"


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_logs_in(person, authority, tmp_path, kind):
    key = tmp_path / "key"
    make_key(key, kind)
    (tmp_path / "authorized").touch()
    certificate = sign(authority, key, "-n", person.server.user)
    with open_sshd_for(person, tmp_path, TrustedUserCAKeys=f"{authority}.pub"):
        assert person.run(private_key_file=key) == "in\n"
        with open_agent(person, key):
            assert person.run(private_key_file=None) == "in\n"
        person.environment.clear()
        certificate.rename(tmp_path / "elsewhere.pub")
        assert "permission denied" in person.fails(private_key_file=key).message
        person.configures(f"CertificateFile {tmp_path}/elsewhere.pub")
        assert person.run(private_key_file=key) == "in\n"


def test_the_agent_goes_along_when_that_is_configured(person, tmp_path):
    with open_agent(person, person.server.key_file):
        person.configures("ForwardAgent yes")
        # paramiko finds the agent by the environment of the process, so only the offer is seen.
        assert "agent" in person.run("echo $SSH_AUTH_SOCK")
        person.configures("")
        assert person.run("echo $SSH_AUTH_SOCK") == "\n"


# --- the way there --------------------------------------------------------------------------------


def config_for(server: Sshd, name: str, *more: str) -> str:
    lines = [
        f"HostName {server.host}",
        f"Port {server.port}",
        f"IdentityFile {server.key_file}",
        *more,
    ]
    return "\n    ".join([f"Host {name}", *lines]) + "\n"


def inner(**options) -> dict[str, object]:
    """A target that is all in the configuration."""
    return {"host": "", "port": None, "private_key_file": None, **options}


def test_the_configuration_names_host_port_and_key(person):
    person.configures(config_for(person.server, "web*"))
    assert person.run(**inner()) == "in\n"


@pytest.fixture
def traveller(person, bastion) -> Person:
    """Somebody who reaches ``web1`` through the jump host only."""
    person.knows(known_line(person.server), known_line(bastion))
    person.configures(
        config_for(person.server, "web1", "ProxyJump jump") + config_for(bastion, "jump")
    )
    return person


def test_a_jump_host_is_on_the_way(traveller, bastion):
    before = bastion.log().count("Accepted publickey")
    assert traveller.run(**inner()) == "in\n"
    assert bastion.log().count("Accepted publickey") == before + 1


def test_the_host_key_of_a_jump_host_is_checked_too(traveller):
    traveller.knows(known_line(traveller.server))
    error = traveller.fails(**inner())
    assert "the host key of 127.0.0.1 is not known" in error.message


def test_the_failure_of_a_jump_host_is_its_own(traveller, bastion):
    traveller.configures(
        config_for(traveller.server, "web1", "ProxyJump jump")
        + f"Host jump\n    HostName 127.0.0.1\n    Port {free_port()}\n"
    )
    error = traveller.fails(**inner())
    assert re.match(r"cannot connect to jump host \S+ of web1: connection refused", error.message)


def test_what_a_jump_host_cannot_reach_is_said_of_the_host(traveller, bastion):
    traveller.configures(
        f"Host web1\n    HostName 127.0.0.1\n    Port {free_port()}\n    ProxyJump jump\n"
        + config_for(bastion, "jump")
    )
    error = traveller.fails(**inner())
    assert "cannot reach it" in error.message
    assert "nc -vz 127.0.0.1" in error.hint


def test_secrets_of_a_host_are_not_tried_at_its_jump_host(traveller, bastion):
    traveller.configures(
        config_for(traveller.server, "web1", "ProxyJump jump")
        + f"Host jump\n    HostName 127.0.0.1\n    Port {bastion.port}\n"
    )
    options = {"private_key_file": traveller.server.key_file, "password": "secret"}
    error = traveller.fails(**inner(**options))
    assert "cannot connect to jump host" in error.message
    assert "there is no key or password" in error.message


def test_twenty_hosts_behind_one_jump_host_need_no_second_try(traveller):
    connector = traveller.connector()
    target = traveller.target(**inner(timeout_seconds=30))

    def visit(_: int) -> bytes:
        with contextlib.closing(connector.open(target)) as opened:
            return read_all(opened.start("echo in"))

    with ThreadPoolExecutor(20) as visitors:
        assert list(visitors.map(visit, range(20))) == [b"in\n"] * 20
    assert traveller.waits == []


def test_a_proxy_command_is_the_way(person, bastion):
    way = f"ssh -F {bastion.ssh_config} -W %h:%p quick"
    person.configures(config_for(person.server, "web1", f"ProxyCommand {way}"))
    assert person.run(**inner()) == "in\n"


def test_a_proxy_command_that_fails_is_said_and_leaves_nothing(person):
    person.configures(config_for(person.server, "web1", "ProxyCommand exit 1"))
    error = person.fails(**inner())
    assert "the ProxyCommand gave no connection" in error.message
    person.configures(config_for(person.server, "web1", "ProxyCommand sleep 4242"))
    assert "no answer in time" in person.fails(**inner(timeout_seconds=1)).message
    done = subprocess.run(["pgrep", "-f", "^sleep 4242"], capture_output=True)
    assert done.stdout == b""


# --- what goes wrong ------------------------------------------------------------------------------


@contextlib.contextmanager
def open_listener(answer, *, forward_after: int = 0, server: Sshd | None = None):
    """Answers each connection as told; after some of them it passes on to a server."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                seen.append(client)
                if server is not None and len(seen) > forward_after:
                    pass_on(client, server)
                else:
                    answer(client)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.close()
        for client in seen:
            client.close()


def pass_on(client: socket.socket, server: Sshd) -> None:
    upstream = socket.create_connection((server.host, server.port))
    for source, sink in ((client, upstream), (upstream, client)):
        threading.Thread(target=copy, args=(source, sink), daemon=True).start()


def copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


def test_a_refused_connection_is_tried_three_times(person):
    port = free_port()
    error = person.fails(port=port)
    assert error.message == (
        f"cannot connect to {person.server.user}@127.0.0.1:{port}: connection refused"
    )
    assert "ansible_port" in error.hint
    assert person.waits == pytest.approx([0.65, 1.3])


def test_a_server_that_drops_us_is_tried_again_until_it_lets_us_in(person):
    with open_listener(socket.socket.close, forward_after=2, server=person.server) as (port, seen):
        assert person.run(port=port, host_key_checking=False) == "in\n"
        assert len(seen) == 3
    assert len(person.waits) == 2


def test_a_name_that_does_not_resolve_is_said(person):
    error = person.fails(host="no-such-host.invalid")
    assert "the name 'no-such-host.invalid' cannot be resolved" in error.message
    assert "ansible_host" in error.hint


def test_no_answer_in_time_is_not_tried_again(person):
    with open_listener(lambda _: None) as (port, seen):
        error = person.fails(port=port, timeout_seconds=1)
        assert "no answer in time" in error.message
        assert len(seen) == 1
    assert person.waits == []


def test_what_is_no_ssh_server_is_said(person):
    def greet(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
        client.close()

    with open_listener(greet) as (port, _):
        error = person.fails(port=port)
        assert "what answers there is no SSH server" in error.message
    with open_listener(socket.socket.close) as (port, _):
        error = person.fails(port=port)
        assert "closed the connection without a greeting" in error.message
        assert "MaxStartups" in error.hint


@pytest.mark.parametrize(
    "rubbish",
    [
        bytes(range(256)) * 8,
        b"\0\0\0\x0c\x0a\x14" + bytes(10),
        b"\xff" * 4096,
        # A KEXINIT whose lists are longer than the packet.
        b"\0\0\0\x2c\x0a\x14" + bytes(16) + b"\x7f\xff\xff\xff" * 6 + b"\0" * 200,
        # "Disconnect", with words that would move the cursor.
        b"\0\0\0\x1c\x05\x01\0\0\0\x02\0\0\0\x05\x1b[2Jx\0\0\0\0" + bytes(5),
    ],
)
def test_a_hostile_server_makes_its_host_unreachable_and_nothing_else(person, rubbish):
    def greet(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-\x1b[31mevil\r\n" + rubbish)

    with open_listener(greet) as (port, _):
        error = person.fails(port=port, timeout_seconds=1)
        assert error.message.isprintable()


def test_a_server_with_nothing_in_common_is_said(person, tmp_path):
    settings = {"Ciphers": "chacha20-poly1305@openssh.com"}
    with open_sshd(tmp_path / "sshd", settings=settings) as server:
        person.server = server
        person.knows(known_line(server))
        error = person.fails()
        assert "speaks none of our algorithms" in error.message
        assert "ansible_ssh_common_args" in error.hint


def test_connections_of_one_run_know_every_kind(server):
    connections = Connections()
    key = {"private_key_file": server.key_file, "host_key_checking": False}
    for target in (
        Target("here", connection="local"),
        Target("web1", host=server.host, port=server.port, user=server.user, **key),
        Target("web2", "paramiko", server.host, server.port, server.user, **key),
        Target("quick", ssh_common_args=("-F", str(server.ssh_config))),
    ):
        with contextlib.closing(connections.open(target)) as connection:
            assert read_all(connection.start("echo in")) == b"in\n"


def test_options_of_ssh_hold_for_the_host(person, bastion):
    person.knows()
    given = ("-o", "StrictHostKeyChecking=no", "-o", "ControlMaster=auto")
    assert person.run(ssh_common_args=given) == "in\n"
    person.knows(known_line(bastion))
    person.configures(config_for(bastion, "jump"))
    before = bastion.log().count("Accepted publickey")
    assert person.run(ssh_common_args=(*given, "-J", "jump")) == "in\n"
    assert bastion.log().count("Accepted publickey") == before + 1
    # They are not for the jump host.
    person.knows()
    assert "is not known" in person.fails(ssh_common_args=(*given, "-J", "jump")).message
    file = ("-F", str(person.server.ssh_config))
    assert person.run(**inner(host="quick", ssh_common_args=file)) == "in\n"
    error = person.fails(connection="paramiko", ssh_common_args=("-4",))
    assert "only OpenSSH knows the options '-4'" in error.message


# --- OpenSSH's own program ------------------------------------------------------------------------


def test_with_options_of_openssh_its_program_connects(server):
    target = Target(
        "quick",
        ssh_common_args=("-4", "-F", str(server.ssh_config)),
        private_key_file=server.key_file,
    )
    with contextlib.closing(open_ssh(target)) as connection:
        stream = connection.start("cat; exit 3")
        stream.send(b"over the line")
        stream.end_input()
        assert read_all(stream) == b"over the line"
        assert stream.status(5) == 3


def test_what_the_program_says_when_it_fails_is_there(server, tmp_path):
    target = Target("quick", ssh_common_args=("-4", "-F", str(server.ssh_config)))
    (tmp_path / "empty").touch()
    options = (*target.ssh_common_args, "-o", f"UserKnownHostsFile={tmp_path}/empty")
    with contextlib.closing(open_ssh(replace(target, ssh_common_args=options))) as connection:
        stream = connection.start("true")
        assert read_all(stream) == b""
        assert stream.status(5) == 255
        assert b"Host key verification failed" in stream.errors()


def test_the_passphrase_reaches_the_program_unseen(server, tmp_path):
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "sandi", "-f", key], check=True)
    shutil.copy(f"{key}.pub", tmp_path / "authorized")
    settings = {"AuthorizedKeysFile": str(tmp_path / "authorized")}
    with open_sshd(tmp_path / "sshd", settings=settings) as running:
        config = ("-4", "-F", str(running.ssh_config), "-o", f"IdentityFile={key}")
        target = Target("quick", ssh_common_args=config, private_key_passphrase="sandi")
        with contextlib.closing(open_ssh(target)) as connection:
            stream = connection.start("echo in; cat")
            assert stream.receive(10) == b"in\n"
            argv = Path(f"/proc/{stream.pid}/cmdline").read_bytes()
            assert b"sandi" not in argv
            folder = connection._folder
        assert not folder.exists()
