"""``user`` and ``group`` on real hosts, beside ansible-core's."""

import pytest

from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.sametasks import Step, assert_same, do_ours, do_theirs

pytestmark = pytest.mark.xdist_group("lab-modules")

HASH = "$6$salt$" + "a" * 86
OTHER = "$6$salt$" + "b" * 86
ACCOUNT = (
    "getent passwd sari; getent shadow sari | cut -d: -f2,4-; id -nG sari; "
    "stat -c '%a %U %G' /home/sari"
)
GROUP = "getent group tim"

STEPS = [
    Step("a group", "group", {"name": "tim", "gid": 4321}, GROUP),
    Step("another number", "group", {"name": "tim", "gid": 4322}, GROUP),
    Step("a number that is taken", "group", {"name": "lain", "gid": 4322}, "getent group lain"),
    Step("the number twice", "group", {"name": "lain", "gid": 4322, "non_unique": True}, GROUP),
    Step("a system group", "group", {"name": "sistem", "system": True}, "getent group sistem"),
    Step("no group", "group", {"name": "lain", "state": "absent"}, "getent group lain"),
    Step(
        "an account",
        "user",
        {"name": "sari", "uid": 2345, "comment": "Sari", "groups": ["tim"], "shell": "/bin/sh"},
        ACCOUNT,
    ),
    Step("a password", "user", {"name": "sari", "password": HASH}, ACCOUNT),
    Step("locked", "user", {"name": "sari", "password_lock": True}, ACCOUNT),
    Step("unlocked", "user", {"name": "sari", "password_lock": False}, ACCOUNT),
    Step(
        "a password for new ones",
        "user",
        {"name": "sari", "password": OTHER, "update_password": "on_create"},
        ACCOUNT,
    ),
    Step("one more group", "user", {"name": "sari", "groups": "adm", "append": True}, ACCOUNT),
    Step("other groups", "user", {"name": "sari", "groups": ["adm", "cdrom"]}, ACCOUNT),
    Step("no groups", "user", {"name": "sari", "groups": ""}, ACCOUNT),
    Step("primary group", "user", {"name": "sari", "group": "tim"}, ACCOUNT),
    Step("no such group", "user", {"name": "sari", "group": "nihil"}, ACCOUNT),
    Step("expires", "user", {"name": "sari", "expires": 1893456000}, ACCOUNT),
    Step("expires no more", "user", {"name": "sari", "expires": -1}, ACCOUNT),
    Step(
        "aging",
        "user",
        {"name": "sari", "password_expire_max": 90, "password_expire_min": 1}
        | {"password_expire_warn": 14},
        ACCOUNT,
    ),
    Step(
        "moved",
        "user",
        {"name": "sari", "home": "/srv/sari", "move_home": True},
        ACCOUNT + "; stat -c '%a %U %G' /srv/sari",
    ),
    Step(
        "a key",
        "user",
        {"name": "sari", "generate_ssh_key": True, "ssh_key_type": "ed25519"},
        "stat -c '%a %U %n' /srv/sari/.ssh /srv/sari/.ssh/*; cut -d' ' -f1 /srv/sari/.ssh/*.pub",
    ),
    Step(
        "a system account",
        "user",
        {"name": "layanan", "system": True, "create_home": False, "shell": "/usr/sbin/nologin"},
        "getent passwd layanan; ls -d /home/layanan",
    ),
    Step(
        "a home for one without",
        "user",
        {"name": "layanan", "home": "/srv/layanan"},
        "stat -c '%a %U %G %n' /srv/layanan /srv/layanan/.bashrc",
    ),
    Step(
        "an account with all of it",
        "user",
        {"name": "budi", "password": HASH, "expires": 1893456000, "umask": "077"}
        | {"password_expire_max": 60, "home": "/srv/budi", "group": "tim", "groups": ["adm"]},
        "getent passwd budi; getent shadow budi | cut -d: -f2,4-; id -nG budi; "
        "stat -c '%a %U %G' /srv/budi",
    ),
    Step("no account", "user", {"name": "layanan", "state": "absent"}, "getent passwd layanan"),
    Step(
        "no account and no home",
        "user",
        {"name": "sari", "state": "absent", "remove": True},
        "getent passwd sari; ls -d /srv/sari",
    ),
    Step("a group of that name", "group", {"name": "dewi"}, "getent group dewi"),
    Step("an account beside it", "user", {"name": "dewi"}, "getent passwd dewi; id -nG dewi"),
    Step(
        "a locked new account",
        "user",
        {"name": "citra", "password_lock": True},
        "getent shadow citra | cut -d: -f2",
    ),
    Step("a weak password", "user", {"name": "citra", "password": "geheim"}, "true"),
]


# ansible-core 2.19 says "changed" every time.
DISABLED_LATER = {"name": "budi", "password_expire_account_disable": 30}


@pytest.fixture(scope="module")
def done(hosts, link):
    return do_theirs(STEPS, hosts[0]), do_ours(STEPS, link)


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_an_account_that_ends_after_its_password_changes_once(done, link):
    results = [link.run("user", DISABLED_LATER, options=RunOptions()) for _ in range(2)]
    assert [result["changed"] for result in results] == [True, False]


def test_a_hash_that_would_be_another_line_is_refused(done, link):
    args = {"name": "budi", "password": "$6$a$b\nroot:$6$a$b"}
    result = link.run("user", args, options=RunOptions())
    assert result["failed"]
    assert "line end" in result["msg"]


def test_a_public_half_that_is_there_stays(done, hosts, link):
    hosts[1].run(
        "sh",
        "-c",
        "cd ~budi && mkdir -p .ssh && chown budi .ssh && ln -s /etc/shadow .ssh/id_lama.pub",
    )
    args = {"name": "budi", "generate_ssh_key": True, "ssh_key_file": ".ssh/id_lama"}
    refused = link.run("user", args, options=RunOptions())
    assert "id_lama.pub is there already" in refused["msg"]
    replaced = link.run("user", {**args, "force": True}, options=RunOptions())
    assert replaced["ssh_public_key"].startswith("ssh-rsa ")
    assert hosts[1].run("stat", "-c", "%U", "/etc/shadow").stdout == "root\n"


def test_a_key_with_a_passphrase(done, hosts, link):
    secret = "rahasia sekali"
    args = {"name": "budi", "generate_ssh_key": True, "ssh_key_passphrase": secret}
    result = link.run("user", args, options=RunOptions())
    path = result["ssh_key_file"]
    assert secret not in str(result)
    opened = hosts[1].run("ssh-keygen", "-y", "-P", secret, "-f", path, check=False)
    refused = hosts[1].run("ssh-keygen", "-y", "-P", "other", "-f", path, check=False)
    assert (opened.status, refused.status) == (0, 255)
