"""Rules that look at one variable of SPSE servers: what each finds, where, and what it lets be."""

import re

import pytest

from tests.inventory.rules.fleetsites import SERVER, faults, of_server, places, see

LONG = "x" * 100_000
DEEP = "[" * 60 + "]" * 60
GOOD = {
    "spse-public-address": "spse_public_address: 36.37.64.10",
    "spse-domain": "spse_domain: spse.contohkab.go.id",
    "ssh-port": "ssh_port: 22",
    "lkpp-addresses": "lkpp_addresses: [103.55.160.0/28]",
    "ups": "ups: smart-ups@nut.contohkab.go.id",
    "warranty": "warranty_until: 2029-03-31",
    "time-zone": "time_zone: Asia/Makassar",
    "backup-destination": "backup_destinations: ['s3:https://s3.example.id/lpse']",
}
FOUND = [
    # rule, variable, column of the value (or its item) and what is said
    ("spse-public-address", "spse_public_address: 10.20.30.40", "32 .* is private"),
    ("spse-public-address", "spse_public_address: 172.31.255.1", "32 .* is private"),
    ("spse-public-address", "spse_public_address: 192.168.1.5", "32 .* is private"),
    ("spse-public-address", "spse_public_address: fd12::1", "32 .* is private"),
    ("spse-public-address", "spse_public_address: 203.0.113.10", "32 .* for examples"),
    ("spse-public-address", "spse_public_address: '2001:db8::1'", "32 .* for examples"),
    ("spse-public-address", "spse_public_address: 127.0.0.1", "32 .* this machine itself"),
    ("spse-public-address", "spse_public_address: 169.254.3.4", "32 .*link-local"),
    ("spse-public-address", "spse_public_address: 100.64.0.1", "32 .* shared by the customers"),
    ("spse-public-address", "spse_public_address: 224.0.0.1", "32 .* no address of one machine"),
    ("spse-public-address", "spse_public_address: 240.0.0.1", "32 .* is reserved"),
    ("spse-public-address", "spse_public_address: 0.0.0.0", "32 .* no address of one machine"),
    ("spse-public-address", "spse_public_address: 10.0.0.300", "32 .* is no address"),
    ("spse-public-address", "spse_public_address: 36.37.64.10/29", "32 .* is no address"),
    ("spse-public-address", "spse_public_address: spse.contoh.go.id", "32 .* is no address"),
    ("spse-public-address", "spse_public_address: 170000000", "32 .* is no address"),
    ("spse-public-address", "spse_public_address: [36.37.64.10]", "32 .*a list is no address"),
    ("spse-public-address", "spse_public_address:", r"\d+ spse_public_address is empty"),
    ("spse-public-address", "other: 1", "9 spse-1 has no spse_public_address"),
    ("spse-domain", "spse_domain: https://spse.contoh.go.id", "24 .* address of the web"),
    ("spse-domain", "spse_domain: spse.contoh.go.id/eproc4", "24 .* has a path"),
    ("spse-domain", "spse_domain: spse", "24 .* no full domain name"),
    ("spse-domain", "spse_domain: spse.contoh.123", "24 .* no full domain name"),
    ("spse-domain", "spse_domain: spse_contoh.go.id", "24 .* is no domain name"),
    ("spse-domain", "spse_domain: -spse.go.id", "24 .* is no domain name"),
    ("spse-domain", "spse_domain: spse..go.id", "24 .* is no domain name"),
    ("spse-domain", "spse_domain: '*.go.id'", "24 .* is no domain name"),
    ("spse-domain", f"spse_domain: {'a' * 64}.go.id", "24 .* is no domain name"),
    ("spse-domain", "spse_domain: 36.37.64.10", "24 .* is an address"),
    ("spse-domain", "spse_domain: true", "24 .* is no domain name"),
    ("spse-domain", "other: 1", "9 spse-1 has no spse_domain"),
    ("spse-domain-ending", "spse_domain: spse.contoh.com", "24 .* not under .go.id"),
    ("spse-domain-ending", "spse_domain: contoh-go.id", "24 .* not under .go.id"),
    ("ssh-port", "ssh_port: '22'", "21 .* is a text"),
    ("ssh-port", "ssh_port: 22x", "21 .* is no number"),
    ("ssh-port", "ssh_port: 0", "21 .* is no port"),
    ("ssh-port", "ssh_port: 65536", "21 .* is no port"),
    ("ssh-port", "ssh_port: true", "21 .* is no number"),
    ("ssh-port", "ssh_port: 22.5", "21 .* is no number"),
    ("ssh-port", "other: 1", "9 spse-1 has no ssh_port"),
    ("lkpp-addresses", "other: 1", "9 spse-1 has no lkpp_addresses"),
    ("lkpp-addresses", "lkpp_addresses: []", "27 lkpp_addresses is empty"),
    ("lkpp-addresses", "lkpp_addresses: 103.55.160.0/28", "27 .* is no list"),
    ("lkpp-addresses", "lkpp_addresses: [0.0.0.0/0]", "28 .* 4 294 967 296 addresses"),
    ("lkpp-addresses", "lkpp_addresses: ['::/0']", r"28 .* 2\^128 addresses"),
    ("lkpp-addresses", "lkpp_addresses: [103.55.0.0/16]", "28 .* 65 536 addresses"),
    ("lkpp-addresses", "lkpp_addresses: [103.55.160.5/28]", "28 .* bits behind its mask"),
    ("lkpp-addresses", "lkpp_addresses: [10.1.0.0/24]", "28 .* is private"),
    ("lkpp-addresses", "lkpp_addresses: [203.0.113.0/28]", "28 .* for examples"),
    ("lkpp-addresses", "lkpp_addresses: [lkpp.go.id]", "28 .* is no network"),
    ("lkpp-addresses", "lkpp_addresses: [103.55.160.0/28, 1]", "27 .* is no network"),
    ("lkpp-addresses", "lkpp_addresses: [103.55.160.0/28, x]", "45 .* is no network"),
    ("ups", "other: 1", "9 spse-1 has no ups"),
    ("ups", "ups: ''", "16 ups is empty"),
    ("ups", "ups: tidak ada", "16 .* names no UPS"),
    ("ups", "ups: '-'", "16 .* names no UPS"),
    ("ups", "ups: TBD", "16 .* names no UPS"),
    ("ups", "ups: false", "16 .* names no UPS"),
    ("ups", "ups: 3", "16 .* names no UPS"),
    ("ups", "ups: [apc-1, n/a]", "24 .* names no UPS"),
    ("ups", "ups: {name: apc-1}", "16 .* names no UPS"),
    ("warranty", "other: 1", "9 spse-1 has no warranty_until"),
    ("warranty", "warranty_until: 31-03-2029", "27 .* is no date"),
    ("warranty", "warranty_until: '2029-02-30'", "27 .* is no date"),
    ("warranty", "warranty_until: 2029", "27 .* is no date"),
    ("warranty", "warranty_until: seumur hidup", "27 .* is no date"),
    ("warranty-end", "warranty_until: 2026-11-20", "27 .* ended on 2026-11-20"),
    ("warranty-end", "warranty_until: 2026-11-21", "27 .* ends today"),
    ("warranty-end", "warranty_until: 2027-02-19", "27 .* in 90 days"),
    ("warranty-end", "warranty_until: '2012-06-07'", "27 .* ended on 2012-06-07"),
    ("time-zone", "other: 1", "9 spse-1 has no time_zone"),
    ("time-zone", "time_zone: WITA", "22 .* none of Indonesia's"),
    ("time-zone", "time_zone: Asia/Singapore", "22 .* none of Indonesia's"),
    ("time-zone", "time_zone: UTC", "22 .* none of Indonesia's"),
    ("time-zone", "time_zone: asia/jakarta", "22 .* none of Indonesia's"),
    ("time-zone", "time_zone: 7", "22 .* none of Indonesia's"),
    ("time-zone", "time_zone: [Asia/Jakarta]", "22 .* a list is none"),
]
NOT_FOUND = [
    *GOOD.items(),
    ("spse-public-address", "spse_public_address: '2606:4700::6810:85e5'"),
    ("spse-public-address", "spse_public_address: '{{ address }}'"),
    ("spse-public-address", "spse_public_address: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162"),
    ("spse-domain", "spse_domain: SPSE.Contoh.GO.ID."),
    ("spse-domain", "spse_domain: spse.inaproc.id/contohkab"),
    ("spse-domain-ending", "spse_domain: spse.contohkab.go.id"),
    ("spse-domain-ending", "spse_domain: spse.inaproc.id/contohkab"),
    ("spse-domain-ending", "spse_domain: lpse.contoh.ac.id"),
    ("spse-domain-ending", "spse_domain: https://wrong"),
    ("ssh-port", "ssh_port: 65535"),
    ("ssh-port", "ssh_port: '{{ port }}'"),
    ("lkpp-addresses", "lkpp_addresses: [103.55.160.7, '2606:4700::/48', '{{ more }}']"),
    ("ups", "ups: [apc-1, apc-2]"),
    ("warranty", "warranty_until: '2029-03-31'"),
    ("warranty-end", "warranty_until: 2027-02-20"),
    ("warranty-end", "warranty_until: unknown"),
    ("time-zone", "time_zone: Asia/Pontianak"),
]
RULES = sorted({rule for rule, *_ in FOUND})


@pytest.mark.parametrize(("rule", "variable", "expected"), FOUND)
def test_what_is_wrong_is_found_at_its_place(rule, variable, expected, tmp_path):
    found = of_server(rule, tmp_path, variable)
    line = 5 if "has no" in expected else 6
    assert len(found) == 1, found
    assert re.match(f"{line}:{expected}", found[0]), found[0]


@pytest.mark.parametrize(("rule", "variable"), NOT_FOUND)
def test_what_is_right_is_let_be(rule, variable, tmp_path):
    assert of_server(rule, tmp_path, variable) == []


@pytest.mark.parametrize("rule", RULES)
def test_hosts_that_are_no_spse_servers_are_let_be(rule, tmp_path):
    files = {"hosts.yml": "web:\n  hosts:\n    web-1:\n      ssh_port: no\n      ups:\n"}
    assert places(rule, tmp_path, files) == []


@pytest.mark.parametrize("rule", RULES)
def test_what_nobody_could_read_may_be_there(rule, tmp_path):
    files = {"hosts.yml": SERVER, "more.py": "#!/usr/bin/env python3\n"}
    (tmp_path / "more.py").write_text("")
    (tmp_path / "more.py").chmod(0o755)
    seen = see(tmp_path, files)
    assert not seen.is_complete
    assert faults(rule, seen) == []


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "value",
    [LONG, DEEP, f"'{LONG}'", '"\\e[31m\\0\\u202e"', "9" * 900, "{a: {b: [1, {c: }]}}", "!!set {a}",
     "!!binary aGVsbG8=", ".nan", "-.inf", "~", "2026-11-21 10:00:00", "[[], {}, ~, '', 1.5]"],
)  # fmt: skip
def test_hostile_values_crash_nothing(rule, value, tmp_path):
    names = [*(name.partition(":")[0] for name in GOOD.values()), "ansible_ssh_host_key"]
    found = of_server(rule, tmp_path, "\n".join(f"{name}: {value}" for name in names))
    for message in found:
        assert message.isprintable()
        assert len(message) < 300


def test_a_value_of_the_group_is_told_once_and_where_it_stands(tmp_path):
    files = {
        "hosts.ini": "[spse]\nspse-[1:9]\n",
        "group_vars/spse.yml": "---\ntime_zone: Asia/Tokyo\nssh_port:\n",
    }
    assert places("time-zone", tmp_path, files) == ["spse.yml:2:12"]
    assert places("ssh-port", tmp_path, files) == ["spse.yml:3:10"]
    assert places("ups", tmp_path, files) == ["hosts.ini:1:1"]
    [fault] = faults("ups", see(tmp_path, files))
    assert (fault.subject, fault.message.split(":")[0]) == (
        "spse",
        "none of the 9 servers of spse has ups",
    )


def test_the_servers_that_lack_what_others_have_are_named(tmp_path):
    files = {"hosts.ini": "[spse]\na ups=x-1\nb\nc\n[db]\nd\n"}
    found = faults("ups", see(tmp_path, files))
    assert [(each.origin.line, each.subject) for each in found] == [(3, "b"), (4, "c")]


def test_servers_of_groups_below_count_too(tmp_path):
    files = {"hosts.ini": "[spse:children]\nprod\n[prod]\na time_zone=WIB\n"}
    assert places("time-zone", tmp_path, files) == ["hosts.ini:4:13"]
    [fault] = faults("time-zone", see(tmp_path, files))
    assert fault.hint == "write Asia/Jakarta"


def test_networks_of_the_settings_count_and_are_judged(tmp_path):
    files = {"hosts.yml": SERVER}
    assert places("lkpp-addresses", tmp_path, files, lkpp_addresses=["103.55.160.0/28"]) == []
    found = places("lkpp-addresses", tmp_path, files, lkpp_addresses=["0.0.0.0/0"])
    assert found == ["hosts.yml:3:5"]


def test_a_misspelt_variable_of_a_server_is_named(tmp_path):
    servers = {"hosts.ini": "[spse]\na spse_domian=x waranty_until=2030-01-01\n"}
    found = faults("unknown-variable", see(tmp_path, servers))
    assert [(each.origin.column, each.hint) for each in found] == [
        (3, "did you mean 'spse_domain'?"),
        (17, "did you mean 'warranty_until'?"),
    ]
    others = {"hosts.ini": "[web]\na spse_domian=x\n"}
    assert faults("unknown-variable", see(tmp_path, others)) == []


@pytest.mark.parametrize("rule", sorted({*GOOD, "host-key"}))
@pytest.mark.parametrize("name", ['"a\\e[1:2]\\u202e"', '"b\\e\\u202ec"', "d" * 5000])
def test_hostile_names_of_hosts_are_shown_harmlessly(rule, name, tmp_path):
    found = faults(rule, see(tmp_path, {"hosts.yml": f"spse:\n  hosts:\n    ? {name}\n    :\n"}))
    assert found != []
    for fault in found:
        assert fault.message.isprintable()
        assert len(fault.message) < 300
