import pytest

from tests.inventory.rules.fleetsites import KEY, faults, of_server, places, see

RULE = "host-key"
PINNED = f"ansible_ssh_host_key: {KEY}\n"
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAIQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fIA=="
FOUND = [
    ("x: 1", "5:9 the host key of spse-1 is not pinned"),
    ("ansible_ssh_host_key:", "6:32 the host key of spse-1 is not pinned"),
    ("ansible_ssh_host_key: ssh-ed25519 AAAA...", "6:33 "),
    ("ansible_ssh_host_key: SHA256:abc", "6:33 "),
    ("ansible_ssh_host_key: ssh-ed25519", "6:33 "),
    ("ansible_ssh_host_key: 1", "6:33 "),
    (f"ansible_ssh_host_key: {KEY.replace('ed25519', 'rsa')}", "6:33 "),
    (f"ansible_ssh_host_key: [{KEY}, x]", "6:116 "),
    (f"ssh_known_hosts: ['{KEY}']", "6:29 "),
    (PINNED + "ansible_host_key_checking: false", "7:38 ansible_host_key_checking is off"),
    (PINNED + "ansible_ssh_host_key_checking: 'no'", "7:42 ansible_ssh_host_key_checking is off"),
    (PINNED + "ansible_ssh_common_args: -o StrictHostKeyChecking=no", "7:36 "),
    (PINNED + "ansible_ssh_extra_args: '-o \"stricthostkeychecking off\"'", "7:35 "),
    (PINNED + "ansible_ssh_args: -o UserKnownHostsFile=/dev/null", "7:29 "),
    ("ansible_ssh_common_args: -o UserKnownHostsFile=/dev/null", "5:9 6:36 "),
]
NOT_FOUND = [
    PINNED,
    f"ansible_ssh_host_key: [{KEY}, {RSA}]",
    f"ansible_ssh_host_key: {KEY} root@spse-1",
    f"ssh_known_hosts: ['spse-1,10.0.0.1 {KEY}', '@cert-authority *.go.id {KEY}']",
    "ansible_ssh_host_key: '{{ keys[inventory_hostname] }}'",
    "ansible_ssh_common_args: -o UserKnownHostsFile=inventory/known_hosts",
    "ansible_ssh_extra_args: -oGlobalKnownHostsFile=/etc/ssh/fleet",
    PINNED + "ansible_ssh_common_args: -o StrictHostKeyChecking=accept-new",
    PINNED + "ansible_ssh_common_args: -o StrictHostKeyChecking=yes",
    PINNED + "ansible_host_key_checking: true",
    "ansible_connection: local",
]


@pytest.mark.parametrize(("variables", "expected"), FOUND)
def test_a_key_that_is_not_pinned_is_found(variables, expected, tmp_path):
    found = of_server(RULE, tmp_path, variables)
    places_only = expected.endswith(" ")
    if places_only:
        assert [each.split(" ")[0] for each in found] == expected.split()
    else:
        assert len(found) == 1
        assert found[0].startswith(expected)


@pytest.mark.parametrize("variables", NOT_FOUND)
def test_a_pinned_key_is_let_be(variables, tmp_path):
    assert of_server(RULE, tmp_path, variables) == []


def test_other_hosts_are_let_be(tmp_path):
    assert places(RULE, tmp_path, {"hosts.ini": "[db]\na ansible_host_key_checking=False\n"}) == []


def test_every_server_needs_a_key_of_its_own(tmp_path):
    files = {"hosts.ini": f"[spse]\na ansible_ssh_host_key='{KEY}'\nb\nc\n"}
    found = faults(RULE, see(tmp_path, files))
    assert [(each.origin.line, each.subject) for each in found] == [(3, "b"), (4, "c")]
    assert "ansible_ssh_host_key: ssh-ed25519" in found[0].hint


@pytest.mark.parametrize(
    "value", ["x" * 100_000, "[[[]]]", "{a: b}", '"\\0\\n\\e"', "'@ @ @'", "~"]
)
def test_hostile_values_crash_nothing(value, tmp_path):
    names = ("ansible_ssh_host_key", "ssh_known_hosts", "ansible_ssh_args")
    for message in of_server(RULE, tmp_path, "\n".join(f"{name}: {value}" for name in names)):
        assert message.isprintable()
