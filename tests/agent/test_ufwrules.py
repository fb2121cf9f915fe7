"""What ufw is asked, and what is read from its files and answers; real ones are in ``onhosts``."""

from typing import Any

import pytest

from lpse_ops.agent.modules import ufw
from lpse_ops.agent.ufwrules import (
    changes_log,
    changes_rules,
    parse_firewall,
    place_of_rule,
    rule_words,
    shown,
)

NUMBERED = """Status: active

     To                         Action      From
     --                         ------      ----
[ 1] 22/tcp                     ALLOW IN    Anywhere
[ 2] 80/tcp                     ALLOW IN    Anywhere
[ 3] 22/tcp (v6)                ALLOW IN    Anywhere (v6)
"""
TUPLE = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n"
TUPLE6 = "### tuple ### allow tcp 22 ::/0 any ::/0 in\n"
DRY = "*filter\n:ufw-user-input - [0:0]\n" + TUPLE + "COMMIT\nRules updated\n"
DRY6 = "*filter\n:ufw6-user-input - [0:0]\n" + TUPLE6 + "COMMIT\nRules updated (v6)\n"


def words(**args: Any) -> str:
    given = {name: spec.get("default") for name, spec in ufw.ARGUMENTS.items()}
    return " ".join(rule_words({**given, "rule": "allow", **args}, args.get("insert")))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"to_port": "22"}, "allow from any to any port 22"),
        ({"route": True, "delete": True, "insert": 3}, "route delete allow from any to any"),
        ({"insert": 3, "log": True}, "insert 3 allow log from any to any"),
        ({"direction": "out", "interface": "eth0"}, "allow out on eth0 from any to any"),
        (
            {"interface_in": "a", "interface_out": "b"},
            "allow in on a out on b from any to any",
        ),
        (
            {"from_ip": "10.0.0.1", "from_port": "1", "to_ip": "10.0.0.2", "to_port": "2"}
            | {"proto": "udp"},
            "allow from 10.0.0.1 port 1 to 10.0.0.2 port 2 proto udp",
        ),
        (
            {"name": "Nginx Full", "comment": "it's open"},
            "allow from any to any app Nginx Full comment it's open",
        ),
    ],
)
def test_the_words_of_a_rule(args, expected):
    assert words(**args) == expected


def test_what_a_person_wrote_is_shown_in_quotes():
    assert shown(["ufw", "app", "Nginx Full", "comment", "x"]) == "ufw app 'Nginx Full' comment 'x'"


@pytest.mark.parametrize(
    ("insert", "relative_to", "numbered", "place"),
    [
        (2, "zero", "", 2),
        (0, "first-ipv4", NUMBERED, 1),
        (0, "last-ipv4", NUMBERED, 2),
        (0, "first-ipv6", NUMBERED, 3),
        (0, "last-ipv6", NUMBERED, 3),
        (1, "last-ipv6", NUMBERED, None),
        (-1, "last-ipv6", NUMBERED, 2),
        (0, "first-ipv4", "Status: inactive\n", None),
    ],
)
def test_the_place_of_a_rule(insert, relative_to, numbered, place):
    assert place_of_rule(insert, relative_to, numbered) == place


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        ("Skipping adding existing rule\n", False),
        (DRY, False),
        (DRY + DRY6, True),
        (DRY.replace("22", "80"), True),
        (DRY.replace(TUPLE, ""), True),
    ],
)
def test_whether_a_rule_would_change_anything(answer, changes):
    before = parse_firewall("Status: active\n", "", "", (TUPLE, ""))
    assert changes_rules(answer, before) is changes


@pytest.mark.parametrize(
    ("wanted", "level", "changes"),
    [
        ("on", "off", True),
        ("on", "high", False),
        ("off", "low", True),
        ("low", "low", False),
        ("full", "low", True),
    ],
)
def test_whether_logging_would_change(wanted, level, changes):
    assert changes_log(wanted, level) is changes


def test_a_firewall_is_read_from_its_files():
    found = parse_firewall(
        "Status: inactive\n",
        'DEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n'
        'DEFAULT_FORWARD_POLICY="REJECT"\nDEFAULT_APPLICATION_POLICY="SKIP"\n',
        "# ENABLED=yes\nENABLED=no\nLOGLEVEL=medium\n",
        (TUPLE, TUPLE6),
    )
    assert not found.active
    assert not found.starts_at_boot
    assert found.policies == {"incoming": "deny", "outgoing": "allow", "routed": "reject"}
    assert found.log_level == "medium"
    assert found.rules == ((TUPLE.strip(),), (TUPLE6.strip(),))
