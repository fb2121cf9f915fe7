"""The real Ansible as judge of patterns: which hosts, and in which order."""

import pytest

from lpse_ops.inventory.inventory import load_inventory
from tests.inventory.judges import answer, ask_ansible, ask_playbook, write_site

PATTERN_SITE = """\
lone
[web]
web1
web2
web3
web4.lan
[db]
db1
db2
web1
[prod]
web1
db1
lone2
[a_b-c]
x.y.z
[site]
web9
2001:db8::1
[empty]
"""

# One or more in a line, with a tab between them.
TABLE = """
all	*	web	web1	db:web	web:db	web,db	web, db ,lone	web db	web;db	all:all	!all
web:&prod	web:!prod	!prod	&prod	!prod:web	web:&prod:!db1	all:!web:&db	*:!*1
all,!web,&db	web:&db:&prod	prod:!web1:!lone2	db:!db	lone*	web?	*b1	w*:d*
web[0]	web[1]	web[-1]	web[1:2]	web[1:]	web[0:0]	web[1:0]	web[2:9]	web[0-1]	web[1-]
all[3]	all[2:4]	web*[1]	!web[0]	all:!web[1:]	web[-2]	db:&web[0]	[wd]*[0]	web[x
~web\\d	~(web|db)[12]	~web\\d:!web2	~.*\\.lan	~^d	~b	~web[1-2]	web[!1]*	we[b]	w[a-z]b1
web4.lan	web4*	x.y.z	a_b-c	a*	2001:db8::1	2001:db8::1,web1	site	web.1	web1:22
nothing	empty	empty:web	ungrouped	localhost	127.0.0.1	::1	localhost:web
web1:web1	prod:web:prod	web1,web	web1 , db1	lone2:lone
"""
PATTERNS = TABLE.replace("\n", "\t").strip().split("\t")


@pytest.fixture(scope="module")
def pattern_folder(tmp_path_factory):
    files = {"h.ini": PATTERN_SITE, "hosts.retry": "db1\n\n web2 \nnothing\n"}
    return write_site(tmp_path_factory.mktemp("patterns"), files)


@pytest.fixture(scope="module")
def pattern_inventory(pattern_folder):
    return load_inventory(
        [str(pattern_folder / "h.ini")],
        playbook_folder=None,
        vault=None,
        warn=[].append,
    )


@pytest.fixture(scope="module")
def chosen_by_ansible(pattern_folder):
    """For each pattern the hosts in Ansible's order."""
    plays = [
        {"hosts": pattern, "gather_facts": False, "tasks": [answer(f"p{at}", "ansible_play_hosts")]}
        for at, pattern in enumerate(PATTERNS)
    ]
    found = ask_playbook(pattern_folder, plays, "-i", "h.ini")
    return {pattern: found.get(f"p{at}", []) for at, pattern in enumerate(PATTERNS)}


@pytest.fixture(scope="module")
def chosen_by_us(pattern_inventory):
    """All in their order, as the plays: "127.0.0.1" is the "localhost" that an earlier one made."""
    return {
        pattern: [host.name for host in pattern_inventory.match(pattern)] for pattern in PATTERNS
    }


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_chooses_what_ansible_chooses(pattern, chosen_by_ansible, chosen_by_us):
    assert chosen_by_us[pattern] == chosen_by_ansible[pattern]


@pytest.mark.parametrize("limit", ["web1,db1", "web:!prod", "@hosts.retry", "w*:&prod:!web9"])
def test_a_limit_leaves_what_ansible_leaves(limit, pattern_folder, pattern_inventory, monkeypatch):
    monkeypatch.chdir(pattern_folder)
    text = ask_ansible(
        *("ansible", "-i", "h.ini", "all:!db2", "--list-hosts", "--limit", limit),
        folder=pattern_folder,
    )
    expected = [line.strip() for line in text.splitlines()[1:]]
    assert expected
    assert [host.name for host in pattern_inventory.match("all:!db2", limit)] == expected
