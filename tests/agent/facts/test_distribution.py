"""Distributions by the files that they ship, with the facts that Ansible has for them."""

import pytest

from lpse_ops.agent.facts.distribution import read_distribution

HOSTS = {
    "debian": (
        {
            "etc/os-release": 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n'
            'VERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\n',
            "etc/debian_version": "12.11\n",
        },
        ("Debian", "12.11", "12", "bookworm", "Debian"),
    ),
    "debian testing": (
        {
            "etc/os-release": 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_CODENAME=trixie\n',
            "etc/debian_version": "trixie/sid\n",
        },
        ("Debian", "NA", "NA", "trixie", "Debian"),
    ),
    "ubuntu": (
        {
            "etc/os-release": 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n'
            "VERSION_CODENAME=jammy\n",
            "etc/debian_version": "bookworm/sid\n",
        },
        ("Ubuntu", "22.04", "22", "jammy", "Debian"),
    ),
    "almalinux": (
        {
            "etc/os-release": 'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\n'
            'VERSION_ID="8.9"\nVERSION="8.9 (Midnight Oncilla)"\n',
            "etc/redhat-release": "AlmaLinux release 8.9 (Midnight Oncilla)\n",
        },
        ("AlmaLinux", "8.9", "8", "Midnight Oncilla", "RedHat"),
    ),
    "centos 7": (
        {
            "etc/os-release": 'NAME="CentOS Linux"\nID="centos"\nVERSION_ID="7"\n'
            'VERSION="7 (Core)"\n',
            "etc/redhat-release": "CentOS Linux release 7.9.2009 (Core)\n",
        },
        ("CentOS", "7.9", "7", "Core", "RedHat"),
    ),
    "red hat": (
        {
            "etc/os-release": 'NAME="Red Hat Enterprise Linux"\nID="rhel"\nVERSION_ID="9.4"\n',
            "etc/redhat-release": "Red Hat Enterprise Linux release 9.4 (Plow)\n",
        },
        ("RedHat", "9.4", "9", "Plow", "RedHat"),
    ),
    "oracle": (
        {
            "etc/os-release": 'NAME="Oracle Linux Server"\nID="ol"\nVERSION_ID="8.10"\n',
            "etc/redhat-release": "Red Hat Enterprise Linux release 8.10 (Ootpa)\n",
        },
        ("OracleLinux", "8.10", "8", "Ootpa", "RedHat"),
    ),
    "one that nobody knows": (
        {"etc/os-release": "NAME=BlankOn\nID=blankon\nID_LIKE=debian\nVERSION_ID=12.0\n"},
        ("BlankOn", "12.0", "12", "NA", "Debian"),
    ),
    "os-release elsewhere": (
        {"usr/lib/os-release": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.1\n'},
        ("Alpine", "3.20.1", "3", "NA", "Alpine"),
    ),
    "nothing at all": ({}, ("Linux", "NA", "NA", "NA", "Linux")),
}


@pytest.mark.parametrize("name", HOSTS)
def test_distribution(tmp_path, name):
    files, expected = HOSTS[name]
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    facts = read_distribution(f"{tmp_path}/")
    names = ("distribution", "distribution_version", "distribution_major_version")
    assert tuple(facts[each] for each in (*names, "distribution_release", "os_family")) == expected
