"""A hardened machine, tried by those who may get in and by those who may not."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.lab.accounts import OPERATOR, ROOT_PASSWORD, VISITOR
from tests.lab.lab import Host
from tests.lab.sshd import make_key
from tests.roles.running import RoleRunner

pytestmark = pytest.mark.xdist_group("roles")

SSHD = """\
permitrootlogin without-password
passwordauthentication no
kbdinteractiveauthentication no
permitemptypasswords no
hostbasedauthentication no
maxauthtries 4
logingracetime 30
maxstartups 10:30:60
clientaliveinterval 120
clientalivecountmax 3
allowtcpforwarding no
allowstreamlocalforwarding no
allowagentforwarding no
x11forwarding no
permittunnel no
gatewayports no
permituserenvironment no
loglevel VERBOSE
kexalgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,\
diffie-hellman-group16-sha512,diffie-hellman-group18-sha512
ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr
macs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com
requiredrsasize 2048
"""
UPDATES = """\
Allowed origins are: origin=Debian,codename=bookworm-security,label=Debian-Security
Initial blacklist: postgresql libpq5$ openjdk- default-jre
"""
DROP_IN = "/etc/ssh/sshd_config.d/10-lpse-ops.conf"


def read_sshd(host: Host) -> set[str]:
    return set(host.run("sshd", "-T").stdout.splitlines())


def methods_for(host: Host, user: str) -> list[str]:
    """How sshd would let an account in."""
    with contextlib.closing(paramiko.Transport((host.address, 22))) as transport:
        transport.connect()
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            transport.auth_none(user)
        return list(refused.value.allowed_types)


@contextlib.contextmanager
def keys_away(host: Host) -> Iterator[None]:
    """Nobody who may become root has a key."""
    every = "for each in /root /home/debian /home/operator; do {}; done"
    host.run("sh", "-c", every.format("mv $each/.ssh $each/.away"))
    try:
        yield
    finally:
        host.run("sh", "-c", every.format("rm -rf $each/.ssh; mv $each/.away $each/.ssh"))


def test_sshd_says_what_it_should(roles: RoleRunner):
    host = roles.host
    roles.prove("hardening")
    assert set(SSHD.splitlines()) - read_sshd(host) == set()
    assert methods_for(host, OPERATOR.name) == ["publickey"]
    for weak in (
        "KexAlgorithms=diffie-hellman-group14-sha256",
        "Ciphers=chacha20-poly1305@openssh.com",
    ):
        argv = host.ssh_argv("true")
        done = subprocess.run(
            [*argv[:1], "-v", "-o", weak, *argv[1:]], capture_output=True, text=True
        )
        assert "no matching" in done.stderr


def test_the_rest_of_the_machine(roles: RoleRunner):
    host = roles.host
    host.run(
        "sh", "-c", "mkdir -p /etc/lpse-ops; touch /etc/lpse-ops/open; chmod 666 /etc/lpse-ops/open"
    )
    assert roles.run("hardening").changed == ["hardening : Let nobody else write our settings"]
    assert host.run("visudo", "-c").status == 0
    # Commands by sudo are told of, with a terminal of their own.
    host.ssh("sudo -n true lab-was-here", user="debian")
    assert "COMMAND=/usr/bin/true lab-was-here" in host.run("cat", "/var/log/sudo.log").stdout
    assert host.run("stat", "-c%a", "/var/log/sudo.log").stdout == "600\n"
    assert host.run("logrotate", "--debug", "/etc/logrotate.d/lpse-ops-sudo").status == 0
    told = host.run("unattended-upgrade", "--dry-run", "--debug", timeout_seconds=120).stdout
    assert UPDATES in told
    for line in ('Periodic::Unattended-Upgrade "1";', 'Automatic-Reboot "false";'):
        assert line in host.run("apt-config", "dump").stdout
    assert host.run("sysctl", "-n", "net.ipv4.conf.all.accept_redirects").stdout == "0\n"
    assert host.ssh("ulimit -H -c", user="debian") == "0\n"
    assert host.run("systemctl", "show", "--value", "-p", "DefaultLimitCORE").stdout == "0\n"
    # As this role makes it, or another one before.
    spse = host.run("stat", "-c%a %U", "/etc/lpse-ops/spse").stdout
    assert spse in ("750 root\n", "700 root\n")
    assert host.run("stat", "-c%a", "/etc/lpse-ops/open").stdout == "644\n"
    assert host.run("systemctl", "--failed", "--quiet").stdout == ""


def test_people_with_certificates_get_in_as_before(roles: RoleRunner, tmp_path: Path):
    host = roles.host
    for name in ("ca", "lkpp"):
        make_key(tmp_path / name)
    sign = [
        "-s",
        tmp_path / "ca",
        "-I",
        "lkpp",
        "-n",
        "lkpp-2026",
        "-V",
        "+5m",
        tmp_path / "lkpp.pub",
    ]
    subprocess.run(["ssh-keygen", "-q", *sign], check=True)
    theirs = "TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsFile /etc/ssh/principals\n"
    write = (
        "umask 022; cat >/etc/ssh/sshd_config.d/60-access.conf; echo lkpp-2026 >/etc/ssh/principals"
    )
    host.run("sh", "-c", write, stdin=theirs)
    host.run("sh", "-c", "cat >/etc/ssh/ca.pub", stdin=(tmp_path / "ca.pub").read_text())
    assert roles.run("hardening").status == 0
    host.run("systemctl", "reload", "ssh")
    # VISITOR's own key is not tried: only the certificate.
    argv = ["ssh", "-F", "none", "-i", tmp_path / "lkpp", "-o", "ConnectionAttempts=9"]
    argv += ["-o", f"UserKnownHostsFile={host.lab.known_hosts}", "-o", f"HostKeyAlias={host.name}"]
    said = subprocess.check_output([*argv, f"{VISITOR.name}@{host.address}", "id -un"], text=True)
    assert said == f"{VISITOR.name}\n"
    host.run("sh", "-c", "rm /etc/ssh/sshd_config.d/60-access.conf; systemctl reload ssh")


def test_passwords_stay_while_nobody_who_matters_has_a_key(roles: RoleRunner):
    host = roles.host
    allowed = {"hardening_ssh_password_authentication": True}
    assert roles.run("hardening", variables=allowed).status == 0
    assert methods_for(host, OPERATOR.name) == ["publickey", "password"]
    # The account that does it has a key, but no way to root once passwords are gone.
    visitor = RoleRunner(host, roles.folder, VISITOR.name)
    by_su = {"ansible_become_method": "su", "ansible_become_password": ROOT_PASSWORD}
    limited = (
        "mkdir /root/.ssh; echo 'command=\"true\" ssh-ed25519 AAAA' >/root/.ssh/authorized_keys"
    )
    with keys_away(host):
        host.run("sh", "-c", limited)
        ran = visitor.run("hardening", host_variables=by_su)
    assert (ran.status, ran.changed) == (2, []), ran.text
    assert "ssh-copy-id" in ran.text
    assert "passwordauthentication yes" in read_sshd(host)
    assert roles.run("hardening").status == 0
    assert "passwordauthentication no" in read_sshd(host)


def test_a_mistake_reaches_no_file(roles: RoleRunner):
    before = roles.host.run("cat", DROP_IN).stdout
    for variables in ({"hardening_ssh_ciphers": ["rot13"]}, {"hardening_ssh_max_auth_tries": -1}):
        ran = roles.run("hardening", variables=variables)
        assert (ran.status, ran.failed) == (2, ["hardening : Tell sshd"]), ran.text
    assert roles.host.run("cat", DROP_IN).stdout == before


def test_a_file_that_says_otherwise_is_found(roles: RoleRunner):
    other = "/etc/ssh/sshd_config.d/00-cloud.conf"
    roles.host.run("sh", "-c", f"echo PasswordAuthentication yes >{other}")
    ran = roles.run("hardening")
    roles.host.run("rm", other)
    assert (ran.status, ran.failed) == (2, ["hardening : Have sshd do what it was told"]), ran.text
    assert "passwordauthentication no is wanted" in ran.text
