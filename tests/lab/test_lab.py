"""The lab judges itself: that its hosts are real machines, and that nothing of them is left."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.accounts import OPERATOR
from tests.lab.lab import Host, Lab, labs_folder, open_lab
from tests.lab.protocol import LabError
from tests.lab.waiting import is_running, wait_until

pytestmark = pytest.mark.xdist_group("lab")

OWNER = """
from tests.lab.lab import open_lab
with open_lab() as lab:
    [host] = lab.up("orphan")
    print(lab.folder.name, host.address, flush=True)
    time.sleep(1000)
"""


@pytest.fixture(scope="module")
def host(lab: Lab) -> Iterator[Host]:
    [host] = lab.up("lab-test")
    yield host
    host.remove()


def ping_ms(host: Host) -> float:
    """The shortest round trip from the host to us."""
    lines = host.run("ping", "-c3", "-i0.01", "-q", "control").stdout
    return float(lines.rpartition("=")[2].split("/")[0])


def test_systemd_runs_and_nothing_has_failed(host):
    host.run("systemctl", "is-system-running", "--wait", check=False)
    assert host.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
    assert host.run("cat", "/proc/1/comm").stdout == "systemd\n"
    assert host.ssh("hostname") == "lab-test\n"


def test_control_groups_are_pure_v2_in_the_host(host):
    assert host.run("stat", "-fc", "%T", "/sys/fs/cgroup").stdout == "cgroup2fs\n"


def test_each_account_becomes_root_by_its_own_way(host):
    assert host.ssh("sudo -n id -un", user="debian") == "root\n"
    asks = host.ssh_argv("sudo -S -p '' id -un", user="operator")
    password = f"{OPERATOR.password}\n"
    assert subprocess.run(asks, input=password, capture_output=True, text=True).stdout == "root\n"
    with pytest.raises(subprocess.CalledProcessError):
        host.ssh("sudo -n id -un", user="operator")
    with pytest.raises(subprocess.CalledProcessError):
        host.ssh("sudo -n id -un", user="visitor")


def test_a_reboot_keeps_the_disk(host):
    before = host.boot_id()
    host.run("touch", "/etc/kept")
    host.reboot()
    assert host.boot_id() != before
    assert host.run("test", "-e", "/etc/kept", check=False).status == 0
    assert host.ssh("id -un", user="debian") == "debian\n"


def test_power_loss_keeps_the_disk_and_a_reset_does_not(host):
    host.run("touch", "/etc/before")
    # In the midst of a reboot: it must not come back by itself.
    host.run("systemctl", "reboot", check=False)
    host.kill()
    assert not host.is_on
    host.on()
    assert host.run("test", "-e", "/etc/before", check=False).status == 0
    host.reset()
    assert host.run("test", "-e", "/etc/before", check=False).status == 1
    assert host.ssh("id -un") == "root\n"


INIT = "/usr/lib/systemd/systemd"


def replace_init(host: Host, script: str) -> None:
    """Have another program as first process from the next boot on."""
    line = f"[ -e {INIT}.kept ] || mv {INIT} {INIT}.kept; cat >{INIT}; chmod 755 {INIT}"
    host.run("sh", "-c", line, stdin=script)


def test_a_boot_that_fails_is_tried_once_more(fresh_host):
    fresh_host.run("touch", "/kept")
    replace_init(
        fresh_host, f"#!/bin/sh\n[ -e /tried ] && exec {INIT}.kept\ntouch /tried; exit 7\n"
    )
    fresh_host.kill()
    fresh_host.on()
    assert fresh_host.run("ls", "/kept", "/tried").stdout == "/kept\n/tried\n"


def test_a_host_that_does_not_come_up_says_why(fresh_host):
    replace_init(fresh_host, "#!/bin/sh\necho the disk stands on its head\nexit 7\n")
    fresh_host.kill()
    with pytest.raises(LabError) as caught:
        fresh_host.on()
    assert "did not come up: systemd-nspawn ended with 7" in str(caught.value)
    assert "the disk stands on its head" in str(caught.value)


def test_an_orderly_end_stops_the_services(host):
    unit = ["--unit=farewell", "--property=ExecStop=/bin/touch /etc/farewell", "sleep", "1000"]
    host.run("systemd-run", *unit)
    host.off()
    host.on()
    assert host.run("test", "-e", "/etc/farewell", check=False).status == 0


def test_a_line_delays_changes_and_goes(host):
    assert ping_ms(host) < 5
    host.wire(delay_ms=10)
    assert 20 <= ping_ms(host) < 40
    host.wire(down=True)
    assert host.run("ping", "-c1", "-W0.2", "control", check=False).status == 1
    # The line is the network's, not the host's.
    host.reboot()
    assert host.run("ping", "-c1", "-W0.2", "control", check=False).status == 1
    host.unwire()
    assert ping_ms(host) < 5


def test_a_disk_can_be_full(lab):
    [small] = lab.up("small", disk_mb=32)
    done = small.run("dd", "if=/dev/zero", "of=/fill", "bs=1M", "count=64", check=False)
    assert "No space left on device" in done.stderr
    small.remove()


def test_packages_of_the_labs_own_archive_install(fresh_host):
    fresh_host.run("apt-get", "install", "-q", "-y", "lab-hello=1.0")
    assert fresh_host.run("lab-hello").stdout == "hello 1.0\n"
    fresh_host.run("apt-get", "install", "-q", "-y", "lab-world", "lab-service")
    assert fresh_host.run("lab-hello").stdout == "hello 1.0\n"
    fresh_host.run("systemctl", "start", "lab-service")
    assert fresh_host.run("systemctl", "is-active", "lab-service").stdout == "active\n"


def test_a_program_in_a_host_that_takes_too_long_is_killed(host):
    with pytest.raises(LabError, match="did not end"):
        host.run("sleep", "1234", timeout_seconds=0.1)
    assert wait_until(lambda: host.run("pgrep", "-f", "sleep 1234", check=False).status == 1)


def test_a_program_in_a_host_that_takes_its_time_gets_all_of_its_input(host):
    text = "baris\n" * 100_000
    assert host.run("sh", "-c", "sleep 0.5; cat", stdin=text).stdout == text


def test_an_address_keeps_its_hardware_address(lab):
    # Else nobody could reach the second host until the first one is forgotten.
    first, second = [boot_and_remove(lab, name) for name in ("first", "second")]
    assert first == second


def boot_and_remove(lab: Lab, name: str) -> tuple[str, str]:
    [host] = lab.up(name)
    hardware = host.run("cat", "/sys/class/net/host0/address").stdout
    host.remove()
    return host.address, hardware


def test_labs_do_not_meet(lab, host):
    with open_lab() as other:
        [namesake] = other.up("lab-test")
        assert namesake.address != host.address
        assert namesake.run("cat", "/etc/machine-id") != host.run("cat", "/etc/machine-id")
    assert host.ssh("hostname") == "lab-test\n"


@pytest.mark.usefixtures("lab")
def test_nothing_is_left_of_a_lab_whose_owner_was_killed():
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    folder, address = owner.stdout.readline().split()
    number = address.split(".")[2]
    inside = find_processes(f"lpse-ops-lab-{number}/")
    assert len(inside) > 5
    owner.kill()
    owner.communicate()
    assert wait_until(lambda: not any(is_running(pid) for pid in inside))
    assert wait_until(lambda: f"lpselab{number}" not in interfaces())
    # Its files and cgroups are swept away by the next lab, but for those of the last minute: they
    # may belong to a lab that is just starting.
    os.utime(labs_folder() / folder, (0, 0))
    with open_lab() as next_lab:
        next_lab.up("sweeper")
        assert not (labs_folder() / folder).exists()
    assert f"lpse-ops-lab-{number}" not in control_groups()


def control_groups() -> list[str]:
    """Names of all cgroups of version 2, wherever this machine has them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", folder], check=True)
        try:
            return [path.name for path in Path(folder).iterdir() if path.is_dir()]
        finally:
            subprocess.run(["umount", folder], check=True)


def find_processes(cgroup: str) -> list[int]:
    groups = [(int(file.parts[2]), read(file)) for file in Path("/proc").glob("[0-9]*/cgroup")]
    return [pid for pid, group in groups if cgroup in group]


def read(file: Path) -> str:
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def interfaces() -> set[str]:
    done = subprocess.run(["ip", "-j", "link"], check=True, capture_output=True)
    return {each["ifname"] for each in json.loads(done.stdout)}
