"""What ufw is asked, word by word, and what its files and its answers say of it: pure.

Runs on the managed host: standard library only, Python 3.6.
"""

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

_POLICIES = {"ACCEPT": "allow", "DROP": "deny", "REJECT": "reject"}
_DIRECTIONS = {"INPUT": "incoming", "OUTPUT": "outgoing", "FORWARD": "routed"}
_TUPLE = "### tuple"


class Firewall(NamedTuple):
    """What a run may change; ``rules`` are the lines of IPv4 and those of IPv6."""

    active: bool
    starts_at_boot: bool
    policies: Mapping[str, str]
    log_level: str
    rules: Tuple[Tuple[str, ...], Tuple[str, ...]]


def parse_firewall(status: str, defaults: str, settings: str, rules: Sequence[str]) -> Firewall:
    """Read ``ufw status`` and the files ``/etc/default/ufw``, ``ufw.conf`` and of both rules."""
    found = dict(re.findall(r'(?m)^DEFAULT_(\w+)_POLICY="?(\w+)', defaults))
    known = dict(re.findall(r'(?m)^(\w+)="?(\w+)', settings))
    return Firewall(
        active=bool(re.search(r"(?m)^Status: active", status)),
        starts_at_boot=known.get("ENABLED", "no").lower() == "yes",
        policies={
            direction: _POLICIES.get(found.get(name, ""), "")
            for name, direction in _DIRECTIONS.items()
        },
        log_level=known.get("LOGLEVEL", "low").lower(),
        rules=(parse_tuples(rules[0]), parse_tuples(rules[1])),
    )


def parse_tuples(text: str) -> Tuple[str, ...]:
    """The lines with which ufw remembers the rules of a file."""
    return tuple(line for line in text.splitlines() if line.startswith(_TUPLE))


def changes_rules(answer: str, firewall: Firewall) -> bool:
    """Whether the answer to ``--dry-run`` holds other rules than there are.

    It prints the whole files that it would write, IPv4 and IPv6 each where it is concerned.
    """
    for file in re.split(r"(?m)^\*filter$", answer)[1:]:
        before = firewall.rules[1 if ":ufw6-" in file else 0]
        if parse_tuples(file) != before:
            return True
    return False


def changes_log(wanted: str, level: str) -> bool:
    """Whether ``ufw logging`` would change the level: ``on`` keeps any that is not ``off``."""
    return level == "off" if wanted == "on" else wanted != level


def rule_words(args: Mapping[str, Any], place: Optional[int]) -> List[str]:
    """The words of a rule in ufw's long form; ``place`` is the number that it is to have."""
    words = ["route"] if args["route"] else []
    if args["delete"]:
        words.append("delete")
    elif place is not None:
        words += ["insert", str(place)]
    words.append(args["rule"])
    if args["direction"]:
        words.append(args["direction"])
    for name, before in (("interface", ["on"]), ("interface_in", ["in", "on"])):
        words += [*before, args[name]] if args[name] else []
    words += ["out", "on", args["interface_out"]] if args["interface_out"] else []
    words += ["log"] if args["log"] else []
    for name, word in _OF_RULE:
        words += [word, args[name]] if args[name] else []
    return words


_OF_RULE = (
    ("from_ip", "from"),
    ("from_port", "port"),
    ("to_ip", "to"),
    ("to_port", "port"),
    ("proto", "proto"),
    ("name", "app"),
    ("comment", "comment"),
)


def shown(words: Sequence[str]) -> str:
    """A command as results show it: what a person wrote is in quotes."""
    quoted = [
        f"'{word}'" if before in ("app", "comment") else word
        for before, word in zip(["", *words], words)
    ]
    return " ".join(quoted)


def place_of_rule(insert: int, relative_to: str, numbered: str) -> Optional[int]:
    """The number that ``insert`` means; None is the end, for ufw refuses larger numbers.

    ``numbered`` is what ``ufw status numbered`` prints: all of IPv4 comes before IPv6.
    """
    if relative_to == "zero":
        return insert
    lines = re.findall(r"(?m)^\[ *(\d+)\] (.*)", numbered)
    last = max([int(number) for number, _ in lines], default=0)
    last_ipv4 = max([int(number) for number, text in lines if "(v6)" not in text], default=0)
    starts: Dict[str, int] = {
        "first-ipv4": 1,
        "last-ipv4": last_ipv4 or 1,
        "first-ipv6": last_ipv4 + 1,
        "last-ipv6": last if last > last_ipv4 else last + 1,
    }
    place = insert + starts[relative_to]
    return place if place <= last else None
