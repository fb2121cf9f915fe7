import subprocess
from pathlib import Path

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.sshconfig import (
    SshSettings,
    Wanted,
    parse_jump,
    parse_settings,
    plan_route,
    read_config,
)

HOME = Path("/home/sari")
CONFIG = """
Host web1
    HostName 10.0.0.1
    User deploy
    Port 2222
    IdentityFile ~/keys/web
    IdentitiesOnly yes
    ProxyJump bastion
Host old*
    HostName %h.example.id
    HostKeyAlias old
    StrictHostKeyChecking accept-new
    UserKnownHostsFile ~/one /two
    CertificateFile ~/cert.pub
    IdentityAgent none
    ForwardAgent yes
Host direct
    ProxyCommand nc %h %p -u %r
    ProxyJump none
Match host 10.0.0.9 user admin
    Port 99
Host *
    User everyone
    Port 2022
"""


def look(name: str, *, config: str = CONFIG, port=None, user="", **environment) -> SshSettings:
    return parse_settings(
        config,
        Wanted(name, port, user),
        environment=environment,
        home=HOME,
        local_user="sari",
    )


def failure(function, *args, **options) -> HostUnreachable:
    with pytest.raises(HostUnreachable) as caught:
        function(*args, **options)
    assert caught.value.hint
    return caught.value


def test_what_the_files_say_holds():
    web = look("web1")
    assert (web.host, web.port, web.user) == ("10.0.0.1", 2222, "deploy")
    assert [path.name for path in web.identity_files] == ["web"]
    assert (web.identities_only, web.jumps, web.strict) == (True, ("bastion",), "yes")
    old = look("old7", SSH_AUTH_SOCK="/agent")
    assert (old.host, old.host_key_alias, old.strict) == ("old7.example.id", "old", "accept-new")
    assert old.known_hosts == (HOME / "one", Path("/two"), Path("/etc/ssh/ssh_known_hosts"))
    assert old.certificate_files == (HOME / "cert.pub",)
    assert (old.agent_socket, old.forward_agent) == ("", True)


def test_what_is_given_wins_and_tokens_know_of_it():
    given = look("direct", port=7, user="root")
    assert (given.port, given.user, given.jumps) == (7, "root", ())
    assert given.proxy_command == "nc direct 7 -u root"
    assert look("10.0.0.9", user="admin").port == 99
    assert look("10.0.0.9").port == 2022


def test_without_files_the_defaults_of_openssh_hold():
    plain = look("web1", config="", SSH_AUTH_SOCK="/agent")
    assert (plain.host, plain.port, plain.user) == ("web1", 22, "sari")
    assert plain.known_hosts[0] == HOME / ".ssh/known_hosts"
    assert (plain.agent_socket, plain.strict, plain.proxy_command) == ("/agent", "yes", "")


@pytest.mark.parametrize(
    ("value", "socket"),
    [("none", ""), ("SSH_AUTH_SOCK", "/agent"), ("$OTHER", "/other"), ("~/a", "/home/sari/a")],
)
def test_the_agent_is_where_the_setting_says(value, socket):
    config = f"IdentityAgent {value}"
    assert look("x", config=config, SSH_AUTH_SOCK="/agent", OTHER="/other").agent_socket == socket


@pytest.mark.parametrize("name", ["web1", "old7", "direct", "elsewhere"])
def test_ssh_itself_reads_the_same(tmp_path: Path, name):
    (tmp_path / "config").write_text(CONFIG)
    done = subprocess.run(
        ["ssh", "-G", "-F", tmp_path / "config", name], capture_output=True, text=True, check=True
    )
    theirs = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    ours = look(name)
    assert (ours.host, str(ours.port), ours.user) == (
        theirs["hostname"],
        theirs["port"],
        theirs["user"],
    )
    assert ours.host_key_alias == theirs.get("hostkeyalias", "")
    assert ours.jumps == tuple(filter(None, theirs.get("proxyjump", "").split(",")))
    assert ours.identities_only is (theirs["identitiesonly"] == "yes")


def test_included_files_are_read_in_their_place(tmp_path: Path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.conf").write_text("Host web1\nPort 1\nHost web2\nPort 2\n")
    (tmp_path / "conf.d/b.conf").write_text("Host web1\nPort 3\nUser b\n")
    (tmp_path / "loop").write_text("Include loop\nUser looped\n")
    (tmp_path / "config").write_text(
        "Include conf.d/*.conf nothing\nPort 9\nHost web2\nInclude conf.d/b.conf\nUser two\n"
        "Host loop\ninclude=loop\n"
    )
    config = read_config([tmp_path / "config", tmp_path / "nothing"])
    web1 = look("web1", config=config)
    assert (web1.port, web1.user) == (1, "b")
    web2 = look("web2", config=config)
    assert (web2.port, web2.user) == (2, "two")
    assert (look("web3", config=config).port, look("web3", config=config).user) == (9, "sari")
    assert look("loop", config=config).user == "looped"


@pytest.mark.parametrize("config", ["Host x\n  Nonsense", "Port abc", "Host 'a\nPort 1"])
def test_files_that_make_no_sense_are_named(config):
    error = failure(look, "web1", config=config)
    assert "the ssh configuration for web1 cannot be used" in error.message
    assert "ssh -G web1" in error.hint


def test_a_name_cannot_smuggle_a_line_in():
    assert "cannot be a host" in failure(look, "web1", user="a\nProxyCommand x").message


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("bastion", Wanted("bastion")),
        ("sari@bastion:2222", Wanted("bastion", 2222, "sari")),
        ("ssh://sari@bastion:22/", Wanted("bastion", 22, "sari")),
        ("[::1]:2222", Wanted("::1", 2222)),
        ("::1", Wanted("::1")),
        ("a@b@bastion", Wanted("bastion", None, "a@b")),
    ],
)
def test_a_jump_host_is_a_person_a_name_and_a_port(text, wanted):
    assert parse_jump(text) == wanted


def route(name: str, config: str) -> list[str]:
    def look_here(wanted: Wanted) -> SshSettings:
        return look(wanted.name, config=config, port=wanted.port, user=wanted.user)

    return [each.shown for each in plan_route(Wanted(name), look_here)]


def test_jump_hosts_come_in_the_order_in_which_they_are_written():
    config = "Host web1\nProxyJump one,u@two:7\nHost one\nProxyJump zero\nHost two\nProxyJump no"
    assert route("web1", config) == ["sari@zero:22", "sari@one:22", "u@two:7", "sari@web1:22"]


def test_a_jump_host_for_all_is_reached_straight():
    config = "Host *\nProxyJump bastion"
    assert route("web1", config) == ["sari@bastion:22", "sari@web1:22"]
    assert route("bastion", config) == ["sari@bastion:22"]


def test_jump_hosts_in_a_circle_are_refused():
    config = "Host a\nProxyJump b\nHost b\nProxyJump c\nHost c\nProxyJump a"
    assert "round in circles" in failure(route, "web1", config + "\nHost web1\nProxyJump a").message
