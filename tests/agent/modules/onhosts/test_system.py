"""``cron``, ``mount`` and ``sysctl`` on real hosts, beside ansible-core's."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

from lpse_ops.remote.connect import open_link
from lpse_ops.remote.request import RunOptions
from lpse_ops.remote.target import Become
from tests.agent.modules.onhosts.conftest import target_of
from tests.agent.modules.onhosts.sametasks import (
    Step,
    assert_same,
    do_ours,
    do_theirs,
    run_theirs,
    send_judge,
)

pytestmark = pytest.mark.xdist_group("lab-modules")

MY_TABLE = "crontab -l"
HIS_TABLE = "crontab -u debian -l"
FILE = "stat -c '%a %U' /etc/cron.d/lpse; cat /etc/cron.d/lpse"
BACKUP = {"name": "backup", "job": "/usr/bin/lpse-ops backup"}


def table(case: str, **args: object) -> Step:
    return Step(f"cron: {case}", "cron", args, MY_TABLE)


def others(case: str, **args: object) -> Step:
    return Step(f"cron of another: {case}", "cron", {"user": "debian", **args}, HIS_TABLE)


def file(case: str, **args: object) -> Step:
    return Step(f"cron file: {case}", "cron", {"cron_file": "lpse", **args}, FILE)


CRON = [
    table("nothing to remove", name="backup", state="absent"),
    table("a job", **BACKUP, hour="2", minute="30"),
    table("a second job", name="check", job="echo 50\\% >/dev/null", special_time="daily"),
    table("disabled", **BACKUP, hour="2", disabled=True),
    table("as ourselves", **BACKUP, hour="3", user="root"),
    table("a variable", name="PATH", env=True, job="/bin:/usr/bin"),
    table("a variable after", name="MAILTO", env=True, value="sari", insertafter="PATH"),
    table("a variable before", name="SHELL", env=True, value="/bin/sh", insertbefore="MAILTO"),
    table("another value", name="MAILTO", env=True, value=""),
    table("no such neighbour", name="X", env=True, value="1", insertafter="NIHIL"),
    table("no variable", name="MAILTO", env=True, state="absent"),
    table("a bad variable", name="A B", env=True, value="1"),
    table("both times", **BACKUP, special_time="daily", hour="1"),
    table("no job", name="backup"),
    table("a place without env", **BACKUP, insertafter="PATH"),
    table("gone", name="backup", state="absent"),
    others("a job", **BACKUP, hour="4"),
    file("no account", **BACKUP),
    file("a job", **BACKUP, user="debian", hour="5"),
    file("a variable", name="MAILTO", env=True, job="sari", user="root"),
    file("other account", **BACKUP, user="root", hour="5"),
    file("no variable", name="MAILTO", env=True, state="absent"),
    file("all gone", name="backup", state="absent"),
    Step(
        "cron: the system's file", "cron", {**BACKUP, "cron_file": "/etc/crontab", "user": "root"}
    ),
    Step(
        "cron file: an odd name",
        "cron",
        {**BACKUP, "cron_file": "lpse.sh", "user": "root"},
        "cat /etc/cron.d/lpse.sh",
    ),
]


def by_hand(name: str, text: str) -> Step:
    """Give both hosts a table that somebody wrote."""
    line = f"printf '{text}' | crontab -"
    return Step(name, "command", {"_raw_params": line, "_uses_shell": True})


ADOPTED = [
    Step("cron: a line by hand", "cron", {"name": "mine", "job": "mine", "minute": "7"}, MY_TABLE),
]

FSTAB = "grep -v ^UUID /etc/fstab; findmnt -rno TARGET,FSTYPE,OPTIONS -t tmpfs | grep '/mnt/'"
TMPFS = {"path": "/mnt/Dokumen Pokja", "src": "tmpfs", "fstype": "tmpfs"}


def mount(case: str, **args: object) -> Step:
    return Step(f"mount: {case}", "ansible.posix.mount", args, FSTAB + "; ls /mnt")


MOUNTS = [
    mount("present", **TMPFS, opts="size=1m", state="present"),
    mount("mounted", **TMPFS, opts="size=1m", state="mounted"),
    mount("mounted with others", **TMPFS, opts="size=2m", state="mounted"),
    mount("remounted with others", path=TMPFS["path"], opts="size=3m", state="remounted"),
    mount("unmounted", path=TMPFS["path"], state="unmounted"),
    mount("remounted, not mounted", path="/mnt/nihil", state="remounted"),
    mount("mounted again", **TMPFS, opts="size=2m", state="mounted"),
    mount("absent", path=TMPFS["path"], state="absent"),
    mount("deep", path="/mnt/a/b", src="tmpfs", fstype="tmpfs", opts="size=1m", state="mounted"),
    mount("only not in the table", path="/mnt/a/b", state="absent_from_fstab"),
    mount("absent, but not in the table", path="/mnt/a/b", state="absent"),
    mount("deep unmounted", path="/mnt/a/b", state="unmounted"),
    mount("bind", path="/mnt/bound", src="/srv", fstype="none", opts="bind", state="mounted"),
    mount("bind gone", path="/mnt/bound", state="absent"),
    mount("ephemeral", path="/mnt/e", src="tmpfs", fstype="tmpfs", state="ephemeral"),
    mount("ephemeral gone", path="/mnt/e", state="unmounted"),
    mount("own table", **{**TMPFS, "path": "/mnt/own"}, fstab="/etc/fstab.own", state="mounted"),
    mount("own table gone", path="/mnt/own", fstab="/etc/fstab.own", state="absent"),
]

KERNEL = "cat /etc/sysctl.conf /etc/sysctl.d/90-lpse.conf; sysctl -n net.ipv4.ip_forward"


def sysctl(case: str, **args: object) -> Step:
    return Step(f"sysctl: {case}", "ansible.posix.sysctl", args, KERNEL)


FORWARD = {"name": "net.ipv4.ip_forward"}
OWN = {"sysctl_file": "/etc/sysctl.d/90-lpse.conf"}
SYSCTLS = [
    sysctl("set and reloaded", **FORWARD, value=1),
    sysctl("other value", **FORWARD, value=0, sysctl_set=True),
    sysctl("own file", **FORWARD, **OWN, value=True, sysctl_set=True, reload=True),
    sysctl("without reload", **FORWARD, **OWN, value=0, reload=False),
    sysctl("set without reload", **FORWARD, **OWN, value=0, reload=False, sysctl_set=True),
    sysctl("not known", name="net.nihil", **OWN, value=1),
    sysctl("not known, ignored", name="net.nihil", **OWN, value=1, ignoreerrors=True),
    sysctl("not known gone", name="net.nihil", **OWN, state="absent"),
    sysctl("wrong value", name="net.ipv4.ip_forward", **OWN, value="abc", sysctl_set=True),
    sysctl("gone", **FORWARD, **OWN, state="absent"),
    sysctl("gone again", **FORWARD, state="absent", reload=False),
]

NAME = "hostname; cat /etc/hostname; hostnamectl --pretty"


def hostname(case: str, look: str = NAME, **args: object) -> Step:
    return Step(f"hostname: {case}", "hostname", args, look)


MAKE = "mkdir -p /etc/sysconfig; printf 'A=b\\nHOSTNAME=x\\nC=d\\n' >/etc/sysconfig/network"
SYSCONFIG = "hostname; cat /etc/sysconfig/network"
HOSTNAMES = [
    Step("one name", "command", {"_raw_params": "hostnamectl set-hostname lpse-a"}),
    hostname("with domain", name="spse.lpse.example.go.id"),
    hostname("by systemd", name="lpse-c", use="debian"),
    hostname("without a file", SYSCONFIG, name="lpse-d", use="redhat"),
    Step("a file", "command", {"_raw_params": MAKE, "_uses_shell": True}),
    hostname("by another file", SYSCONFIG, name="lpse-d", use="redhat"),
]

WITHOUT_SYSTEMD = "mv /usr/bin/timedatectl /root; echo Asia/Makassar >/etc/timezone"
WITH_SYSTEMD = "mv /root/timedatectl /usr/bin"
CLOCK = "readlink /etc/localtime; cat /etc/timezone; tail -1 /etc/adjtime"


def timezone(case: str, **args: object) -> Step:
    return Step(f"timezone: {case}", "community.general.timezone", args, CLOCK)


ZONES = [
    timezone("WITA", name="Asia/Makassar"),
    timezone("none", name="Asia/Nihil"),
    timezone("local clock", hwclock="local"),
    timezone("clock", hwclock="UTC"),
    Step("no systemd", "command", {"_raw_params": WITHOUT_SYSTEMD, "_uses_shell": True}),
    timezone("WIB by files", name="Asia/Jakarta"),
    Step("systemd", "command", {"_raw_params": WITH_SYSTEMD, "_uses_shell": True}),
    timezone("UTC", name="UTC"),
]

KEYS = "cd ~kunci; stat -c '%a %U %G' .ssh .ssh/authorized_keys; cat .ssh/authorized_keys"
SARI = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISari sari@lpse"
BUDI = "ssh-rsa AAAAB3NzaC1yc2EAAAABudi budi@lpse"


def key(case: str, look: str = KEYS, **args: object) -> Step:
    return Step(f"key: {case}", "ansible.posix.authorized_key", {"user": "kunci", **args}, look)


LINKED = "ln -s ~kunci/elsewhere ~kunci/.ssh/linked; chown -h kunci ~kunci/.ssh/linked"
AUTHORIZED = [
    Step("an account", "command", {"_raw_params": "useradd -m -s /bin/sh kunci"}, "id kunci"),
    key("first", key=SARI),
    key("only one", key=BUDI, key_options='from="10.0.0.0/8",no-pty', exclusive=True),
    Step("a key file", "command", {"_raw_params": f"echo {BUDI} >/srv/keys", "_uses_shell": True}),
    key("of a file", key="file:///srv/keys"),
    key("elsewhere", "stat -c '%a %U %G' /srv/a /srv/a/*", key=SARI, path="/srv/a/kunci"),
    key("not ours to manage", key=BUDI, path="/srv/keys", manage_dir=False),
    Step("a link", "command", {"_raw_params": LINKED, "_uses_shell": True}),
    key("a link", "ls ~kunci/.ssh", key=SARI, path="/home/kunci/.ssh/linked", follow=True),
    key("no link", "stat -c %F ~kunci/.ssh/linked", key=SARI, path="/home/kunci/.ssh/linked"),
]

STEPS = [
    *CRON,
    by_hand("by hand", "# mine\\n7 * * * * mine\\n"),
    *ADOPTED,
    *MOUNTS,
    *SYSCTLS,
    *ZONES,
    *HOSTNAMES,
    *AUTHORIZED,
]


@pytest.fixture(scope="module")
def done(hosts, link):
    names = [host.run("hostname").stdout.strip() for host in hosts]
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(do_theirs, STEPS, hosts[0])
        ours = do_ours(STEPS, link, diff=True)
    for host, name in zip(hosts, names, strict=True):
        host.run("hostnamectl", "set-hostname", name)
    return theirs.result(), ours


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = (without_empty_warnings(side[name]) for side in done)
    assert_same(theirs, ours)


def without_empty_warnings(phases):
    """Those of a collection's module are there even if there are none."""
    return {
        phase: {key: value for key, value in result.items() if (key, value) != ("warnings", [])}
        for phase, result in phases.items()
    }


def test_services(done, hosts, link):
    """Both on one host: the services of two are no longer the same after other tests."""
    send_judge(hosts[1])
    [judged] = run_theirs([("service_facts", {}, False, False)], hosts[1])
    ours = link.run("service_facts", {}, options=RunOptions())
    facts = [each["ansible_facts"]["services"] for each in (judged, ours)]
    assert_same(*map(_lasting, facts))
    assert {each["ssh.service"]["state"] for each in facts} == {"running"}
    assert {each["rescue.service"]["state"] for each in facts} == {"stopped"}


def _lasting(services):
    """Which there are, but for logins; what timers start ends at its own time."""
    return {
        name: {key: value for key, value in service.items() if key != "state"}
        for name, service in services.items()
        if "@" not in name
    }


@pytest.mark.parametrize(
    ("args", "reason"),
    [({"minute": "61"}, "bad minute"), ({"user": "nihil"}, "user `nihil' unknown")],
)
def test_what_crontab_refuses_is_told(done, link, args, reason):
    result = link.run("cron", {**BACKUP, **args}, options=RunOptions())
    assert result["failed"]
    assert "Failed to install new cronfile" in result["msg"]
    assert reason in result["msg"]


def test_an_ephemeral_mount_takes_no_other_place(done, hosts, link):
    hosts[1].run("mount", "-t", "tmpfs", "tmpfs", "/srv")
    args = {"path": "/srv", "src": "/opt", "fstype": "none", "opts": "bind", "state": "ephemeral"}
    result = link.run("mount", args, options=RunOptions())
    hosts[1].run("umount", "/srv")
    assert "already mounted with a different source" in result["msg"]
    assert "state: unmounted" in result["msg"]


@pytest.fixture(scope="module")
def link_of_user(hosts):
    link = open_link(dataclasses.replace(target_of(hosts[1]), user="debian"))
    yield link
    link.close()


def twice(link, module, **args):
    """In check mode, for real and again: whether anything would change, did, and does."""
    modes = (True, False, False)
    answers = [link.run(module, args, options=RunOptions(check_mode=mode)) for mode in modes]
    assert "failed" not in {key for each in answers for key in each}, answers
    return [each["changed"] for each in answers]


def test_an_account_edits_what_is_its_own(done, hosts, link_of_user):
    changed = [True, True, False]
    assert twice(link_of_user, "cron", **BACKUP, hour="6") == changed
    assert twice(link_of_user, "authorized_key", user="debian", key=SARI) == changed
    assert twice(link_of_user, "known_hosts", name="spse", key=f"spse {SARI}") == changed
    assert "lpse-ops backup" in hosts[1].run("crontab", "-lu", "debian").stdout
    look = hosts[1].run("stat", "-c", "%a %U", "/home/debian/.ssh/authorized_keys")
    assert look.stdout == "600 debian\n"


def test_an_account_edits_nothing_else(done, link_of_user):
    options = RunOptions()
    for module, args in (
        ("sysctl", {"name": "net.ipv4.ip_forward", "value": "1"}),
        ("mount", {**TMPFS, "state": "present"}),
        ("authorized_key", {"user": "root", "key": SARI}),
        ("cron", {**BACKUP, "cron_file": "lpse", "user": "root"}),
    ):
        result = link_of_user.run(module, args, options=options)
        assert result["failed"], module
        assert "Permission denied" in result["msg"], module


def test_by_sudo(done, hosts):
    target = dataclasses.replace(target_of(hosts[1]), user="debian", become=Become())
    link = open_link(target)
    assert twice(link, "sysctl", name="net.ipv4.ip_forward", value="0") == [True, True, False]
    assert twice(link, "cron", **BACKUP, cron_file="sudo", user="debian") == [True, True, False]
    assert twice(link, "timezone", name="Asia/Jayapura") == [True, True, False]
    link.close()
