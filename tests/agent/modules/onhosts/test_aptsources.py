"""The sources and keys of apt on real hosts, beside ansible-core's modules."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import CHECK_CHECK_RUN_AGAIN, ask_as_operator
from tests.agent.modules.onhosts.sametasks import ONCE, Step, assert_same, do_ours, do_theirs

pytestmark = pytest.mark.xdist_group("lab-packages")

KEY = Path(__file__).with_name("lab-key.asc").read_text()
FINGERPRINT = "6AC96EBE20DCE51E27280F551BF55AF097739675"
# apt-key asks gpg about every one of them, several times.
MOST_KEYS = "debian-archive-[!t]*"
TRUSTED = "/etc/apt/trusted.gpg.d"

LISTS = "cd /etc/apt; ls sources.list.d; stat -c %a sources.list.d/*; cat sources.list.d/contoh*"
REPO = "deb http://example.org/a  stable   main"


def repository(name: str, repo: str = REPO, **args: object) -> Step:
    wanted = {"repo": repo, "update_cache": False, "filename": "contoh", **args}
    return Step(name, "apt_repository", wanted, LISTS)


def key(name: str, **args: object) -> Step:
    files = "/etc/apt/trusted.gpg /etc/apt/trusted.gpg.d/t.gpg"
    look = f"for f in {files}; do gpg --show-keys --with-colons $f; done"
    return Step(name, "apt_key", dict(args), look)


def once(step: Step) -> Step:
    return dataclasses.replace(step, phases=ONCE)


STEPS = [
    repository("added"),
    repository("a second one in the file", "deb-src [arch=amd64] http://example.org/a stable main"),
    once(repository("there in another file", filename="contoh-lain")),
    repository("removed", state="absent"),
    repository(
        "removed the last", "deb-src [arch=amd64] http://example.org/a stable main", state="absent"
    ),
    repository(
        "named by its address", "deb [trusted=yes] http://u:p@example.org/b/ ./", filename=None
    ),
    repository(
        "named by its address removed",
        "deb [trusted=yes] http://u:p@example.org/b/ ./",
        state="absent",
        filename=None,
    ),
    repository("with a mode", "deb http://example.org/c ./", mode="0600"),
    once(repository("mode is not looked at again", "deb http://example.org/c ./", mode="0644")),
    once(repository("not a source", "http://example.org")),
    once(repository("a comment", "# deb http://example.org/d ./")),
    once(repository("nothing", "")),
    once(repository("not there", "deb http://example.org/e ./", state="absent")),
    key("a key", data=KEY),
    once(key("by its short id", id=FINGERPRINT[-8:], data=KEY)),
    once(key("by a subkey", id="69955CFD9F2BC246", data=KEY)),
    once(key("a bad id", id="xyz", data=KEY)),
    key("a keyring", id=FINGERPRINT, data=KEY, keyring="/etc/apt/trusted.gpg.d/t.gpg"),
    key(
        "one less in the keyring",
        id=FINGERPRINT,
        state="absent",
        keyring="/etc/apt/trusted.gpg.d/t.gpg",
    ),
    key("key removed", id=FINGERPRINT, state="absent"),
    once(key("key not there", id="1" * 40, state="absent")),
    once(key("two sources", data="x", url="http://x")),
    once(key("no key at all", data="nothing")),
]


@pytest.fixture(scope="module")
def done(hosts, link):
    for host in hosts:
        host.run("sh", "-c", f"mkdir /srv/keys; mv {TRUSTED}/{MOST_KEYS} /srv/keys")
    try:
        with ThreadPoolExecutor() as pool:
            theirs = pool.submit(do_theirs, STEPS, hosts[0])
            both = do_ours(STEPS, link), theirs.result()
    finally:
        for host in hosts:
            host.run("sh", "-c", f"mv /srv/keys/* {TRUSTED}")
    for answer in (answer for side in both for step in side.values() for answer in step.values()):
        # Ours shows what changed in a file, too, and only when it is asked for (test below).
        answer.pop("diff", None)
        if answer["failed"]:
            # What gpg says of it is not what we say.
            answer.pop("stderr", None)
    return both


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    ours, theirs = done
    assert_same(theirs[name], ours[name])


def test_a_source_that_cannot_be_fetched_is_taken_back(hosts, link):
    host = hosts[1]
    host.run("sh", "-c", "rm -f /etc/apt/sources.list.d/contoh*")
    args = {"repo": "deb [trusted=yes] file:/srv/nihil ./", "update_cache_retries": 1}
    result = link.run("apt_repository", args, options=RunOptions())
    assert result["failed"]
    assert result["msg"].startswith("Failed to update apt cache after 1 retries: ")
    assert "/srv/nihil" not in host.run("sh", "-c", "cat /etc/apt/sources.list.d/*").stdout
    secret = {"repo": "deb http://u:p@example.org/ ./", "filename": "contoh-rahasia"}
    added = {**secret, "mode": "0600", "update_cache": False}
    assert link.run("apt_repository", added, options=RunOptions())["changed"]
    broken = "deb [trusted=yes] file:/srv/nihil ./\n"
    host.run("tee", "/etc/apt/sources.list.d/contoh-rusak.list", stdin=broken)
    gone = {**secret, "state": "absent", "update_cache_retries": 1}
    assert link.run("apt_repository", gone, options=RunOptions())["failed"]
    look = "cd /etc/apt/sources.list.d; stat -c %a contoh-rahasia.list; rm contoh*"
    assert host.run("sh", "-c", look).stdout == "600\n"


def test_a_source_is_fetched(hosts, link):
    host = hosts[1]
    host.run("sh", "-c", "rm /etc/apt/sources.list.d/*")
    host.run("apt-get", "update", "-q")
    args = {"repo": "deb [trusted=yes] file:/srv/lab-packages ./", "filename": "lab"}
    shown = RunOptions(check_mode=True, diff_mode=True)
    assert (
        link.run("apt_repository", args, options=shown)["diff"][0]["before_header"] == "/dev/null"
    )
    assert "lab-hello" not in host.run("apt-cache", "pkgnames").stdout
    result = link.run("apt_repository", args, options=RunOptions())
    assert result["sources_added"] == ["/etc/apt/sources.list.d/lab.list"]
    assert "lab-hello" in host.run("apt-cache", "pkgnames").stdout
    assert not link.run("apt_repository", args, options=RunOptions())["changed"]


def test_apt_reads_what_deb822_repository_writes(hosts, link):
    host = hosts[1]
    host.run("rm", "-f", "/etc/apt/sources.list.d/lab.list")
    args = {"name": "Lab Paket", "uris": "file:/srv/lab-packages", "suites": "./"}
    for wanted in ({"trusted": True}, {"signed_by": "file:///srv/key.asc"}, {"signed_by": KEY}):
        host.run("sh", "-c", "cat >/srv/key.asc", stdin=KEY)
        for changed in (True, False):
            result = link.run("deb822_repository", {**args, **wanted}, options=RunOptions())
            assert result["changed"] is changed
        asked = host.run("apt-get", "indextargets", "--format", "$(REPO_URI) $(SIGNED_BY)").stdout
        assert "file:/srv/lab-packages/" in asked
    for changed in (True, False):
        gone = {"name": "Lab Paket", "state": "absent"}
        assert link.run("deb822_repository", gone, options=RunOptions())["changed"] is changed
    left = host.run("find", "/etc/apt/keyrings", "/etc/apt/sources.list.d", "-name", "lab-paket*")
    assert left.stdout == ""


def test_a_key_as_a_sudo_user(hosts, done):
    args = {"id": FINGERPRINT, "keyring": f"{TRUSTED}/t.gpg"}
    assert ask_as_operator(hosts[1], "apt_key", data=KEY, **args) == CHECK_CHECK_RUN_AGAIN
    gone = {"state": "absent", **args}
    assert ask_as_operator(hosts[1], "apt_key", **gone) == CHECK_CHECK_RUN_AGAIN
