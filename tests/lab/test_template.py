"""What a host had written is what others begin with, but for what makes a machine itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lab.base import cache_folder
from tests.lab.lab import Host, Lab
from tests.lab.protocol import LabError

pytestmark = pytest.mark.xdist_group("lab")

# A file and a folder of the base go, a folder of it is replaced, a link of it led elsewhere.
WRITE = """
set -eu
rm /usr/bin/lsattr
rm -r /usr/share/doc/procps
rm -r /srv/lab-packages && mkdir /srv/lab-packages && echo new >/srv/lab-packages/new
mkdir /srv/own && echo one >/srv/own/one && ln /srv/own/one /srv/own/two
chown operator:operator /srv/own/one && chmod 4750 /srv/own/one
setfacl -m u:visitor:r /srv/own/one
setfattr -n user.kind -v file /srv/own/one
ln -s one /srv/own/link && mkfifo /srv/own/fifo
systemctl enable rsyslog.service && systemctl disable cron.service
echo 'Acquire::http::Proxy "http://10.99.0.1:3142";' >/etc/apt/apt.conf.d/90lab
"""
LOOK = """
set -u
ls -d /usr/bin/lsattr /usr/share/doc/procps 2>/dev/null
ls /srv/lab-packages
stat --format '%n %F %U %a %h' /srv/own/*
getfacl -c /srv/own/one 2>/dev/null; getfattr -d /srv/own/one 2>/dev/null
systemctl is-enabled cron.service
cat /srv/own/two
"""
SELF = "cat /etc/machine-id /etc/ssh/*.pub /etc/hostname /root/.ssh/authorized_keys"


class Made(NamedTuple):
    host: Host
    layer: Path
    seen: str
    itself: str


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[Made]:
    [host] = lab.up("original")
    layer = cache_folder() / f"template-test-{lab.folder.name}"
    try:
        host.run("sh", "-c", WRITE)
        itself = host.run("sh", "-c", SELF).stdout
        seen = host.run("sh", "-c", LOOK).stdout
        with pytest.raises(LabError, match="original is on"):
            host.keep(layer)
        host.off()
        host.keep(layer)
        yield Made(host, layer, seen, itself)
    finally:
        shutil.rmtree(layer, ignore_errors=True)
        layer.with_name(f"{layer.name}.lock").unlink(missing_ok=True)


def test_hosts_begin_with_what_is_in_the_template(lab: Lab, made: Made):
    copies = lab.up("copy-one", "copy-two", template=made.layer)
    for host in copies:
        assert host.run("sh", "-c", LOOK).stdout == made.seen
        assert host.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
        assert host.ssh("hostname") == f"{host.name}\n"
        host.run("sh", "-c", "rm -r /srv/own; echo gone >/srv/lab-packages/new")
    copies[0].reset()
    assert copies[0].run("sh", "-c", LOOK).stdout == made.seen
    for host in copies:
        host.remove()


def test_no_two_machines_are_the_same_one(lab: Lab, made: Made):
    [host] = lab.up("copy", template=made.layer)
    own = host.run("sh", "-c", SELF).stdout.splitlines()
    # The key that lets us in is the lab's.
    assert set(own) & set(made.itself.splitlines()) == {made.itself.splitlines()[-1]}
    # Its proxy was another lab's.
    assert host.run("test", "-e", "/etc/apt/apt.conf.d/90lab", check=False).status == 1
    host.remove()


def test_a_template_can_lie_on_another_one(lab: Lab, made: Made):
    [host] = lab.up("middle", template=made.layer)
    host.run("sh", "-c", "rm /srv/own/link; echo more >/srv/own/more; echo two >/srv/own/two")
    host.off()
    layer = made.layer.with_name(f"{made.layer.name}-two")
    try:
        host.keep(layer, below=made.layer)
        host.remove()
        [host] = lab.up("top", template=layer)
        assert host.run("sh", "-c", "cd /srv/own; ls").stdout.split() == [
            "fifo",
            "more",
            "one",
            "two",
        ]
        assert host.run("cat", "/srv/own/two", "/srv/own/more").stdout == "two\nmore\n"
        assert host.run("cat", "/srv/lab-packages/new").stdout == "new\n"
        host.remove()
    finally:
        shutil.rmtree(layer, ignore_errors=True)
        for file in layer.parent.glob(f"{layer.name}.*"):
            file.unlink()


def test_what_was_seen_is_what_was_written(made: Made):
    lines = made.seen.splitlines()
    assert lines[:1] == ["new"]
    assert "/srv/own/one regular file operator 4750 2" in lines
    assert "/srv/own/fifo fifo root 644 1" in lines
    assert {"user:visitor:r--", 'user.kind="file"', "disabled", "one"} <= set(lines)
