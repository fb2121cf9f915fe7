"""The packet filter on a real machine, tried from outside."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.lab.lab import Host, Lab
from tests.roles.running import ROOT, RoleRunner
from tests.spselab.ports import open_tcp_ports

pytestmark = pytest.mark.xdist_group("roles")

LISTENERS = (80, 443, 8080, 9090)
# Reaches the machine from another address than ours.
KNOCK = "exec 3<>/dev/tcp/{}/22 && head -c 3 <&3"


@pytest.fixture(scope="module", autouse=True)
def listeners(roles: RoleRunner) -> Iterator[None]:
    """Something listens on these ports, over IPv4 and IPv6."""
    serve = "python3 -m http.server --bind :: --directory /srv {} >/dev/null 2>&1 & echo $!"
    script = "; ".join(serve.format(port) for port in LISTENERS)
    pids = roles.host.run("sh", "-c", script).stdout.split()
    yield
    roles.host.run("kill", *pids, check=False)


@pytest.fixture
def stranger(lab: Lab) -> Iterator[Host]:
    [host] = lab.up("stranger")
    yield host
    host.remove()


def addresses(roles: RoleRunner) -> list[str]:
    """Of the machine, as it is seen from here: IPv4 and IPv6."""
    local = roles.host.run("ip", "-6", "-brief", "addr", "show", "host0").stdout.split()[2]
    number = roles.host.address.split(".")[2]
    return [roles.host.address, f"{local.partition('/')[0]}%lpselab{number}"]


def network(roles: RoleRunner) -> str:
    return f"{roles.host.address.rpartition('.')[0]}.1/32"


def test_only_what_is_named_is_open_and_boots_so(roles: RoleRunner, stranger: Host):
    host = roles.host
    variables = {
        "firewall_ssh_from": ["192.0.2.0/24", "2001:db8::/32"],
        # As the site's inventory has them.
        "lkpp_addresses": [network(roles), "fe80::/10"],
    }
    roles.prove("firewall", variables)
    # Ours is LKPP's network here.
    by_4, by_6 = addresses(roles)
    assert open_tcp_ports(by_4) == {22, 80, 443}
    assert open_tcp_ports(by_6, range(1, 10_000)) == {22, 80, 443}
    knock = ["timeout", "1", "bash", "-c", KNOCK.format(host.address)]
    assert stranger.run(*knock, check=False).status == 124
    assert stranger.run("ping", "-c1", "-W1", host.address).status == 0
    assert (
        "elements = { " + network(roles)[:-3]
        in host.run("nft", "list", "set", "inet", "lpse", "lkpp").stdout
    )

    # Rules of the site and of others stay, through changes and through a reboot.
    host.run(
        "sh",
        "-c",
        "cat >/etc/nftables.d/site.nft",
        stdin="table inet site {\n}\ndelete table inet site\ntable inet site {\n}\n",
    )
    ran = roles.run("firewall", variables={**variables, "firewall_tcp_ports": [443]})
    assert ran.changed == ["firewall : Write the rules", "firewall : Put the rules in force"]
    assert open_tcp_ports(host.address, (22, *LISTENERS)) == {22, 443}
    before = host.run("nft", "--stateless", "list", "ruleset").stdout
    assert "table inet site" in before
    host.reboot()
    assert host.run("nft", "--stateless", "list", "ruleset").stdout == before
    # Whoever empties it by hand has it again.
    host.run("nft", "flush", "ruleset")
    ran = roles.run("firewall", variables=variables)
    assert "firewall : Put the rules in force" in ran.changed


def test_who_applies_it_is_not_locked_out(roles: RoleRunner):
    rules = roles.host.run("cat", "/etc/nftables.conf").stdout
    ran = roles.run("firewall", variables={"firewall_ssh_from": ["192.0.2.0/24"]})
    assert (ran.status, ran.changed) == (2, [])
    typed = f'-e \'{{"firewall_ssh_from": ["192.0.2.0/24", "{network(roles)[:-3]}"]}}\''
    assert typed in ran.text.replace('\\"', '"')
    ran = roles.run("firewall", variables={"firewall_ssh_port": 2222})
    assert (ran.status, ran.changed) == (2, [])
    assert "set firewall_ssh_port to 22" in ran.text
    assert roles.host.run("cat", "/etc/nftables.conf").stdout == rules


def test_where_nobody_knows_who_applies_it_all_that_are_logged_in_count(roles: RoleRunner):
    """As by sudo on the server itself."""
    host = roles.host
    script = (ROOT / "roles/firewall/files/peers.py").read_text()
    look = ("python3", "-c", script, "22", "", "192.0.2.0/24")
    argv = host.ssh_argv("echo here; cat")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as somebody:
        assert somebody.stdout
        assert somebody.stdout.readline() == b"here\n"
        told = [json.loads(host.run(*look, *more).stdout) for more in ((), (network(roles),))]
        somebody.communicate()
    assert [each["out"] for each in told] == [[network(roles)[:-3]], []]
    # sshd itself says where it listens.
    look = ("python3", "-c", script, "2222", "", "192.0.2.0/24")
    assert json.loads(host.run(*look).stdout)["port"] == 22


@pytest.mark.parametrize("wrong", ["192.0.2.0/33", "192.0.2.0/24 } accept; #"])
def test_a_mistake_reaches_no_file(roles: RoleRunner, wrong: str):
    rules = roles.host.run("cat", "/etc/nftables.conf").stdout
    ran = roles.run("firewall", variables={"firewall_lkpp": [wrong]})
    assert (ran.status, ran.changed) == (2, [])
    ran = roles.run("firewall", variables={"firewall_tcp_ports": [70000]})
    assert (ran.status, ran.failed) == (2, ["firewall : Write the rules"])
    assert roles.host.run("cat", "/etc/nftables.conf").stdout == rules


def test_rules_that_somebody_wrote_are_not_overwritten(roles: RoleRunner):
    host = roles.host
    host.run("sh", "-c", "cat >/etc/nftables.conf", stdin="table inet mine {\n}\n")
    ran = roles.run("firewall")
    assert (ran.status, ran.changed) == (2, [])
    assert "-e firewall_replace=true" in ran.text
    host.run("sh", "-c", "mkdir -p /etc/ufw; echo ENABLED=yes >/etc/ufw/ufw.conf")
    ran = roles.run("firewall")
    assert ran.failed == ["firewall : Do not close what others opened"], ran.text
    assert "ufw filters or forwards here too" in ran.text
    host.run("rm", "-r", "/etc/ufw")
    ran = roles.run("firewall", variables={"firewall_replace": True})
    assert ran.status == 0, ran.text
    assert host.run("sh", "-c", "cat /etc/nftables.conf.*~").stdout == "table inet mine {\n}\n"
    host.run("sh", "-c", "rm /etc/nftables.conf.*~ /etc/nftables.d/*; nft -f /etc/nftables.conf")
