"""Broken inventories, and everything that ``validate`` finds in them: RULE PLACE, in order."""

from typing import NamedTuple


class Broken(NamedTuple):
    """Files, what is found in them, and the sources."""

    files: dict[str, str]
    found: list[str]
    sources: tuple[str, ...] = ("hosts.yml",)


def yaml(text: str, *found: str) -> Broken:
    return Broken({"hosts.yml": text}, [f"{each}" for each in found])


def ini(text: str, *found: str) -> Broken:
    return Broken({"hosts": text}, list(found), ("hosts",))


def beside(files: dict[str, str], *found: str) -> Broken:
    """Files beside an inventory of one group ``web`` with the host ``w1``."""
    return Broken({"hosts.yml": "web:\n  hosts:\n    w1:\n", **files}, list(found))


# Of the specification: ansible-inventory returns 0 on each of them.
FIVE = {
    "two hosts on two lines without colon": yaml(
        "web:\n  hosts:\n    10.0.0.10\n    10.0.0.20\n",
        "host-without-colon hosts.yml:3:5",
    ),
    "duplicate key": yaml(
        "all:\n  hosts:\n    lpse1: {a: 1}\n    db:\n    lpse1: {b: 2}\n",
        "duplicate-key hosts.yml:5:5",
    ),
    "broken INI section": ini("[web\nw1\n", "unknown-section hosts:1:1"),
    "bad address, port and name": yaml(
        "all:\n  hosts:\n    lpse1:\n      ansible_host: 10.0.0.300\n"
        '      ansible_port: "22x"\n      ansible_usr: deploy\n',
        "bad-address hosts.yml:4:21",
        "wrong-type hosts.yml:5:21",
        "unknown-variable hosts.yml:6:7",
    ),
    "file does not exist": Broken({}, ["missing-source none.yml"], ("none.yml",)),
}

MORE = {
    # What no format reads.
    "yaml that ends in the middle": yaml("all: {\n", "yaml-syntax hosts.yml:2:1"),
    "tab in yaml": yaml("all:\n\thosts:\n", "yaml-syntax hosts.yml:2:1"),
    "unquoted template": yaml("all:\n  vars:\n    x: {{ y }}\n", "yaml-syntax hosts.yml:3:9"),
    "not utf-8 in a file of variables": beside(
        {"group_vars/web.yml": "a: 1\nb: \x07\n"}, "yaml-syntax group_vars/web.yml:2:4"
    ),
    "broken toml": Broken(
        {"hosts.toml": "[web.hosts]\nx\n"}, ["toml-syntax hosts.toml:2:2"], ("hosts.toml",)
    ),
    "broken json": Broken(
        {"hosts.json": '{"all": {"hosts": {"a": {}}}'},
        ["yaml-syntax hosts.json:2:1"],
        ("hosts.json",),
    ),
    "word without value in ini": ini("[web]\nw1 port 22\nw2\n", "ini-syntax hosts:2:4"),
    "open quote in ini": ini("[web]\nw1 a='x\n", "ini-syntax hosts:2:1"),
    "variable without value in ini": ini(
        "[web]\nw1\n[web:vars]\nuser deploy\n", "ini-syntax hosts:4:1"
    ),
    "colon behind a host in ini": ini("[web]\nw1:\nw2\n", "ini-syntax hosts:2:1"),
    "several in one ini file": ini(
        "[web]\nw1 x\n[db\n[db:vasr]\nskipped x\n[app]\na1 ansible_port=0\n",
        "ini-syntax hosts:2:4",
        "unknown-section hosts:3:1",
        "unknown-section hosts:4:1",
        "bad-port hosts:7:17",
    ),
    # Structure.
    "list of hosts": yaml("web:\n  hosts:\n    - w1\n    - w2\n", "wrong-structure hosts.yml:3:5"),
    "list of groups": yaml("- web\n", "wrong-structure hosts.yml:1:1"),
    "number for a host": yaml("web:\n  hosts:\n    a:\n    17:\n", "wrong-structure hosts.yml:4:5"),
    "number for a group": yaml(
        "web: {hosts: {a: }}\n12: {hosts: {b: }}\n", "wrong-structure hosts.yml:2:1"
    ),
    "number for a variable": yaml(
        "web:\n  vars:\n    7: x\n  hosts: {a: }\n", "wrong-structure hosts.yml:3:5"
    ),
    "text for the variables of a host": yaml(
        "web:\n  hosts:\n    a: 10.0.0.1\n", "wrong-structure hosts.yml:3:5"
    ),
    "list of variables": beside(
        {"group_vars/web.yml": "- a: 1\n"}, "wrong-structure group_vars/web.yml:1:1"
    ),
    "number for a variable in a file": beside(
        {"host_vars/w1.yml": "a: 1\n5: 2\n"}, "wrong-structure host_vars/w1.yml:2:1"
    ),
    "host for hosts": yaml(
        "web:\n  host:\n    w1:\n  hosts:\n    w2:\n", "unknown-section hosts.yml:2:3"
    ),
    "text for a group": yaml("web:\n  hosts: {a: }\ndb: db1\n", "wrong-structure hosts.yml:3:1"),
    "unknown kind of section": ini("[web]\nw1\n[web:var]\nx=1\n", "unknown-section hosts:3:1"),
    "space in a section": ini("[web db]\nw1\n", "unknown-section hosts:1:1"),
    "variables of no group": ini(
        "[web]\nw1\n[wbe:vars]\nx=1\n", "empty-group hosts:3:1", "unknown-section hosts:3:1"
    ),
    # Keys and hosts that are there twice.
    "duplicate variable": yaml(
        "web:\n  vars:\n    a: 1\n    b: 2\n    a: 3\n  hosts: {w1: }\n",
        "duplicate-key hosts.yml:5:5",
    ),
    "duplicate in a file of variables": beside(
        {"group_vars/web/main.yml": "a: 1\na: 2\n"},
        "duplicate-key group_vars/web/main.yml:2:1",
    ),
    "duplicate host": ini("[web]\nw1 a=1\nw2\n  w1 a=2\n", "duplicate-host hosts:4:3"),
    "range over a host": ini("[web]\nw2\nw[1:3]\n", "duplicate-host hosts:3:1"),
    "second port of a host": ini("[web]\nw1:22\n[db]\nw1:2222\n", "duplicate-host hosts:4:1"),
    # Groups.
    "empty group": ini("[web]\nw1\n[later]\n", "empty-group hosts:3:1"),
    "empty groups above each other": yaml(
        "web: {hosts: {a: }}\nold: {children: {older: {}}}\n",
        "empty-group hosts.yml:2:1",
        "empty-group hosts.yml:2:18",
    ),
    "misspelt child": yaml(
        "webserver: {hosts: {a: }}\nsite:\n  children:\n    webservre:\n  hosts: {b: }\n",
        "unreachable-children hosts.yml:4:5",
    ),
    "misspelt child in ini": ini(
        "[web]\nw1\n[site:children]\nweb\nwbe\n",
        "empty-group hosts:5:1",
        "unreachable-children hosts:5:1",
    ),
    "circle of groups": yaml(
        "a:\n  children:\n    b:\n      children:\n        c:\n          children:\n"
        "            a:\n          hosts: {h: }\n",
        "unreachable-children hosts.yml:7:13",
    ),
    "its own child": ini("[a:children]\na\n[a]\nh\n", "unreachable-children hosts:2:1"),
    "hyphen in a group": ini("[web-servers]\nw1\n", "bad-group-name hosts:1:1"),
    "group and host": ini("[db]\ndb\n", "same-name hosts:2:1"),
    "priority in words": yaml(
        "web:\n  vars: {ansible_group_priority: high}\n  hosts: {a: }\n",
        "wrong-type hosts.yml:2:34",
    ),
    # Names of variables.
    "misspelt prefix": ini("w1 ansibel_host=10.0.0.1\n", "unknown-variable hosts:1:4"),
    "hyphen in a variable": yaml(
        "all: {hosts: {a: {ansible-host: 10.0.0.1}}}\n", "unknown-variable hosts.yml:1:19"
    ),
    "two letters changed places": beside(
        {"host_vars/w1.yml": "ansible_pasword: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\n"},
        "unknown-variable host_vars/w1.yml:1:1",
    ),
    "reserved name": ini("[web]\nw[1:2] port=1\n", "reserved-name hosts:2:8"),
    "reserved name in a file": beside(
        {"group_vars/web.yml": "tags: [a]\nlookup: b\n"},
        "reserved-name group_vars/web.yml:1:1",
        "reserved-name group_vars/web.yml:2:1",
    ),
    # Values.
    "word for a port in ini": ini("[web]\nw1 ansible_port=ssh\n", "wrong-type hosts:2:17"),
    "point in a port": ini("[web]\nw1 ansible_port=22.5.1\n", "wrong-type hosts:2:17"),
    "truth value for a user": yaml(
        "all:\n  hosts:\n    a:\n      ansible_user: on\n", "wrong-type hosts.yml:4:21"
    ),
    "neither yes nor no": beside(
        {"group_vars/web.yml": "---\nansible_become: ture\n"},
        "wrong-type group_vars/web.yml:2:17",
    ),
    "list for an address": yaml(
        "all:\n  hosts:\n    a:\n      ansible_host:\n        - 10.0.0.1\n",
        "wrong-type hosts.yml:5:9",
    ),
    "mapping in toml": Broken(
        {"hosts.toml": "[web.hosts.a]\nansible_user = {name = 'x'}\n"},
        ["wrong-type hosts.toml:2:16"],
        ("hosts.toml",),
    ),
    "port zero": yaml("all: {hosts: {a: {ansible_port: 0}}}\n", "bad-port hosts.yml:1:33"),
    "port in quotes": yaml(
        'all:\n  vars: {ansible_port: "65536"}\n  hosts: {a: }\n', "bad-port hosts.yml:2:24"
    ),
    "port behind a name": ini("w1:99999\n", "bad-port hosts:1:1"),
    "port in json": Broken(
        {"hosts.json": '{"all": {"hosts": {\n  "a": {"ansible_port": 70000}}}}'},
        ["bad-port hosts.json:2:25"],
        ("hosts.json",),
    ),
    "port in toml": Broken(
        {"hosts.toml": "[web.hosts]\na = {x = 1, ansible_port = 70000}\n"},
        ["bad-port hosts.toml:2:28"],
        ("hosts.toml",),
    ),
    "port behind spaces in ini": ini(
        "[web]\nw1\n[web:vars]\nansible_port =   70000\n", "bad-port hosts:4:18"
    ),
    "address with a port": ini("w1 ansible_host=10.0.0.1:22\n", "bad-address hosts:1:17"),
    "address with a user": ini("w1 ansible_host=root@10.0.0.1\n", "bad-address hosts:1:17"),
    "network for an address": ini("w1 ansible_host=10.0.0.0/24\n", "bad-address hosts:1:17"),
    "url for an address": ini("w1 ansible_host='http://x/'\n", "bad-address hosts:1:17"),
    "three numbers": ini(
        "w1 ansible_host=10.0.1.\nw2 ansible_host=10.0.1\n",
        "bad-address hosts:1:17",
        "bad-address hosts:2:17",
    ),
    "empty address": ini("w1 ansible_host=\n", "bad-address hosts:1:17"),
    "broken ipv6": ini("w1 ansible_host=2001:db8::g\n", "bad-address hosts:1:17"),
    "address for a name": ini("10.0.0.300\n", "bad-address hosts:1:1"),
    "same address": ini(
        "a ansible_host=10.0.0.1\nb ansible_host=10.0.0.2\nc  ansible_host=10.0.0.1\n",
        "same-address hosts:3:17",
    ),
    "same address by name": yaml(
        "all:\n  hosts:\n    10.0.0.1:\n    b: {ansible_host: 10.0.0.1, ansible_port: 22}\n",
        "same-address hosts.yml:4:23",
    ),
    "same address from a group": yaml(
        "web: {hosts: {a: , b: }, vars: {ansible_host: 10.0.0.1}}\n",
        "same-address hosts.yml:1:20",
    ),
    "user in a name": ini("[web]\nroot@10.0.0.1\n", "bad-host-name hosts:2:1"),
    "comma behind a name": ini("[web]\nw1, \nw2\n", "bad-host-name hosts:2:1"),
    "port in a range of hosts is told once": ini(
        "w[01:50] ansible_port=0\n", "bad-port hosts:1:23"
    ),
    "value that two hosts share": yaml(
        "all:\n  hosts:\n    a: &a\n      ansible_port: 0\n    b:\n      <<: *a\n"
        "      ansible_host: b\n",
        "bad-port hosts.yml:4:21",
    ),
    "port of six thousand digits": ini(f"w1 ansible_port={'9' * 6000}\n", "bad-port hosts:1:17"),
    "port with a point": yaml(
        "all: {hosts: {a: {ansible_port: 22.5}}}\n", "wrong-type hosts.yml:1:33"
    ),
    "same ipv6 address in two spellings": ini(
        "a ansible_host=2001:DB8:0::1\nb ansible_host=2001:db8::1\n", "same-address hosts:2:16"
    ),
    "line without end in ini": ini(f"w1 x={'a' * 3_000_000}\n", "ini-syntax hosts:1:1"),
    "a password with a blank": ini(
        "w1 db_password=rahasia sekali\n",
        "secret-in-clear hosts:1:16",
        "ini-syntax hosts:1:24",
    ),
    "saved in two bytes a letter": yaml("a\0l\0l\0:\0", "yaml-syntax hosts.yml"),
    "saved so, as ini": Broken({"hosts.ini": "w\0"}, ["ini-syntax hosts.ini"], ("hosts.ini",)),
    "range without end": yaml("web:\n  hosts:\n    w[1:]:\n", "bad-host-name hosts.yml:3:5"),
    # Files that nobody reads.
    "file for no group": beside({"group_vars/wbe.yml": "a: 1\n"}, "unread-file group_vars/wbe.yml"),
    "file in place of a folder": beside({"group_vars": "a: 1\n"}, "unread-file group_vars"),
    "folder for no host": beside({"host_vars/w2/a.yml": "a: 1\n"}, "unread-file host_vars/w2"),
    "two files for one name": beside(
        {"group_vars/web.yml": "a: 1\n", "group_vars/web.yaml": "b: 1\n"},
        "unread-file group_vars/web.yaml",
    ),
    "file beside its folder": beside(
        {"group_vars/web/a.yml": "a: 1\n", "group_vars/web.yml": "b: 1\n"},
        "unread-file group_vars/web.yml",
    ),
    "ending that is left out": beside(
        {"host_vars/w1/a.yml": "a: 1\n", "host_vars/w1/b.ini": "b=1\n"},
        "unread-file host_vars/w1/b.ini",
    ),
    "folders without end": Broken(
        {
            "hosts.yml": "web:\n  hosts:\n    w1:\n",
            f"host_vars/w1/{'x/' * 22}a.yml": "a: 1\n",
        },
        ["missing-source host_vars"],
    ),
    "folder without inventory": Broken(
        {"inventory/README.md": "none\n"}, ["missing-source inventory"], ("inventory",)
    ),
    "one of two is missing": Broken(
        {"hosts": "w1 ansible_port=0\n"},
        ["bad-port hosts:1:17", "missing-source more"],
        ("hosts", "more"),
    ),
    "list of hosts with a wrong port": Broken({}, ["bad-port <list of hosts>"], ("w1:70000,",)),
}
