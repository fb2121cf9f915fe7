import pytest

from lpse_ops.agent.facts.virtualization import Signs, decide

BARE = Signs("", "", False, "absent", False)


@pytest.mark.parametrize(
    ("signs", "kind", "role"),
    [
        (BARE, "NA", "NA"),
        (BARE._replace(can_host_kvm=True), "kvm", "host"),
        (BARE._replace(firmware="QEMU Standard PC"), "kvm", "guest"),
        (BARE._replace(firmware="VMware, Inc. VMware Virtual Platform"), "VMware", "guest"),
        (BARE._replace(has_hypervisor_flag=True), "kvm", "guest"),
        (BARE._replace(container="lxc", firmware="QEMU"), "lxc", "guest"),
        (BARE._replace(container="systemd-nspawn"), "container", "guest"),
        (BARE._replace(xen="control_d"), "xen", "host"),
        (BARE._replace(xen=""), "xen", "guest"),
    ],
)
def test_virtualization(signs, kind, role):
    facts = decide(signs)
    assert (facts["virtualization_type"], facts["virtualization_role"]) == (kind, role)


def test_a_container_on_a_host_of_virtual_machines_says_both():
    facts = decide(BARE._replace(container="docker", can_host_kvm=True))
    assert facts["virtualization_tech_guest"] == ["container", "docker"]
    assert facts["virtualization_tech_host"] == ["kvm"]
