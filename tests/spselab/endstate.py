"""Whether two machines are installed alike: every difference by name, and which ones may be.

assert differences(read_state(one), read_state(other)) == []
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.lab.lab import Host

State = dict[str, dict[str, str]]
_SCRIPT = Path(__file__).with_name("endstate_script.py")


class Excuse(NamedTuple):
    """What may differ: ``section: thing`` by a regular expression, and why."""

    pattern: str
    reason: str


EXCUSES = (
    Excuse(r"units: session-\w+\.scope", "whoever is still logged in"),
    Excuse(r"files: /etc/ssh/ssh_host_\w+_key", "every machine makes its own keys"),
    Excuse(r"files: /etc/ssl/(private|certs)/ssl-cert-snakeoil", "made by the package for itself"),
    Excuse(r"files: /etc/ssl/certs/([0-9a-f]{8}\.\d+$|java/cacerts$)", "named and dated when made"),
    Excuse(r"files: /etc/lpse-ops/tls/(certificate|site)\.pem$", "a certificate for trial"),
)


def read_state(host: Host) -> State:
    done = host.run("python3", "-", stdin=_SCRIPT.read_text(), timeout_seconds=120)
    state: State = json.loads(done.stdout)
    return state


def differences(one: State, other: State, excuses: Iterable[Excuse] = EXCUSES) -> list[str]:
    """Each as ``section: thing: there is ONE, there OTHER``, without those that are excused."""
    patterns = [re.compile(excuse.pattern) for excuse in excuses]
    return [
        line
        for line in every_difference(one, other)
        if not any(pattern.match(line.partition(": has ")[0]) for pattern in patterns)
    ]


def every_difference(one: State, other: State) -> list[str]:
    found = []
    for section in sorted({*one, *other}):
        here, there = one.get(section, {}), other.get(section, {})
        for thing in sorted({*here, *there}):
            first, second = here.get(thing, "nothing"), there.get(thing, "nothing")
            if first != second:
                found.append(f"{section}: {thing}: has {first}, the other {second}")
    return found
