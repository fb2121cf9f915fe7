"""Inventories that look broken and are not: files, and the sources."""

from typing import NamedTuple


class Quiet(NamedTuple):
    files: dict[str, str]
    sources: tuple[str, ...] = ("hosts",)


def ini(text: str) -> Quiet:
    return Quiet({"hosts": text})


def yaml(text: str, **files: str) -> Quiet:
    return Quiet({"hosts.yml": text, **files}, ("hosts.yml",))


SEALED = "!vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        30303030\n"

QUIET = {
    "templates in place of values": ini(
        "a ansible_host='{{ address }}' ansible_port='{{ port_of_ssh }}' ansible_become='{{ b }}'\n"
        "b ansible_host='{{ address }}'\n"
    ),
    "sealed values": yaml(
        f"all:\n  hosts:\n    a:\n      ansible_host: {SEALED}      ansible_password: {SEALED}"
        f"      ansible_port: {SEALED}"
    ),
    "values in quotes": yaml(
        "all: {hosts: {a: {ansible_port: '22', ansible_become: 'yes', ansible_user: '5'}}}\n"
    ),
    "words for truth": ini("a ansible_become=no\nb ansible_become=True\nc ansible_become=1\n"),
    "nothing at all for a value": yaml("all: {hosts: {a: {ansible_host: , ansible_port: }}}\n"),
    "a number for a user": yaml("all: {hosts: {a: {ansible_user: 1000}}}\n"),
    "addresses of all kinds": ini(
        "a ansible_host=192.0.2.1\nb ansible_host=2001:db8::1\nc ansible_host=db.example.go.id\n"
        "d ansible_host=db_1\ne ansible_host=b\u00e4cker.example\nf ansible_host=db.example.\n"
        "192.0.2.7\n2001:db8::7\n[2001:db8::8]:2222\nb\u00fccher.example\nUPPER-1\n"
    ),
    "a name like an address that has another one": ini("10.0.0.300 ansible_host=192.0.2.1\n"),
    "one machine by several ways": ini(
        "a ansible_connection=local\nb ansible_connection=local\n"
        "c ansible_host=192.0.2.1\nd ansible_host=192.0.2.1 ansible_port=2222\n"
        "e ansible_host=192.0.2.1 ansible_ssh_common_args='-J jump'\n"
        "f ansible_host=192.0.2.1 ansible_connection=community.docker.docker\n"
    ),
    "a host in many groups": ini("[web]\na x=1\n[db]\na y=2\n[site:children]\nweb\ndb\n"),
    "a host in two files": Quiet(
        {"i/1": "[web]\na x=1\n", "i/2.yml": "web: {hosts: {a: {y: 2}}}\n"}, ("i",)
    ),
    "a group of groups only": yaml("site: {children: {web: {hosts: {a: }}}}\n"),
    "a group named before it is filled": yaml(
        "site: {children: {web: , db: {}}}\nweb: {hosts: {a: }}\ndb: {hosts: {b: }}\n"
    ),
    "variables of the site": ini(
        "[web]\na http_prot=1 ansible_managed_by=me my_ansible_host=x node1=a node2=b hots=1\n"
    ),
    "facts of Ansible set by hand": ini("a ansible_distribution=Debian ansible_os_family=Debian\n"),
    "connections of other kinds": ini(
        "a ansible_winrm_transport=ntlm ansible_psrp_auth=basic ansible_network_os=ios\n"
        "b ansible_docker_extra_args=x ansible_podman_executable=y ansible_sudo_pass='{{ p }}'\n"
    ),
    "notes beside variables": Quiet(
        {
            "hosts": "[web]\na\n",
            "group_vars/README.md": "x",
            "group_vars/.keep": "",
            "group_vars/web/notes.txt": "x",
            "group_vars/web/a.yml.example": "x",
            "group_vars/web/sub/b.yml": "b: 1\n",
            "group_vars/web/c": "c: 1\n",
            "group_vars/all": "d: 1\n",
            "group_vars/ungrouped.yml": "e: 1\n",
            "host_vars/localhost": "f: 1\n",
        }
    ),
    "a host whose name ends like a file": Quiet(
        {"hosts": "files.yml\n", "host_vars/files.yml": "a: 1\n"}
    ),
    "files for what a program adds": Quiet(
        {"i/hosts": "a\n", "i/cloud": "#!/bin/sh\n", "i/group_vars/cloud.yml": "a: 1\n"}, ("i",)
    ),
    "anchors and merged keys": yaml(
        "all:\n  vars:\n    <<: &x {a: 1, b: 2}\n    b: 3\n  hosts:\n    h: *x\n"
    ),
    "a file that is named twice": Quiet({"hosts": "[web]\na:22\nb\n"}, ("hosts", "hosts")),
    "a list of hosts": Quiet({}, ("a,b:2222,192.0.2.1,",)),
    "windows' ends of lines": ini("[web]\r\na ansible_port=22\r\n[web:vars]\r\nx=1\r\n"),
    "a mark at the beginning": yaml("\ufeffall: {hosts: {a: {ansible_port: 22}}}\n"),
}
