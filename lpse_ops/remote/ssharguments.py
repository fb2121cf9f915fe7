"""Options of the program ``ssh`` as inventories give them, put into lines of ``ssh_config(5)``.

What stands here is known to ``sshconfig`` or makes no difference to us.  All else is for OpenSSH.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# What ``sshconfig`` heeds.
_HEEDED = frozenset(
    [
        "certificatefile",
        "forwardagent",
        "globalknownhostsfile",
        "hostkeyalias",
        "hostname",
        "identitiesonly",
        "identityagent",
        "identityfile",
        "port",
        "proxycommand",
        "proxyjump",
        "stricthostkeychecking",
        "user",
        "userknownhostsfile",
    ]
)
# What is about things that we do in our own way: sharing and keeping alive, asking, talking.
_NO_MATTER = frozenset(
    [
        "addkeystoagent",
        "batchmode",
        "checkhostip",
        "compression",
        "connectionattempts",
        "connecttimeout",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "escapechar",
        "hashknownhosts",
        "ipqos",
        "loglevel",
        "numberofpasswordprompts",
        "requesttty",
        "serveralivecountmax",
        "serveraliveinterval",
        "tcpkeepalive",
        "updatehostkeys",
        "visualhostkey",
    ]
)
_LETTERS_OF_NO_MATTER = frozenset("CTaqvx")
_KEYWORDS = {"J": "ProxyJump", "i": "IdentityFile", "l": "User", "p": "Port"}


@dataclass(frozen=True)
class SshArguments:
    """Lines for the host alone; ``config_file`` takes the place of all other files."""

    lines: tuple[str, ...] = ()
    config_file: Path | None = None


class _OnlyForOpenssh(Exception):
    """There is an option that is not known here."""


def parse_arguments(words: Sequence[str]) -> SshArguments | None:
    """Read options of ``ssh``; None when only that program knows what they mean."""
    lines: list[str] = []
    config_file = None
    try:
        for letter, value in _options(words):
            if letter == "F":
                config_file = Path(os.path.expanduser(value))
            elif letter == "o":
                lines += _read_line(value)
            elif letter == "A":
                lines.append("ForwardAgent yes")
            elif letter not in _LETTERS_OF_NO_MATTER:
                lines.append(f"{_KEYWORDS[letter]} {value}")
    except _OnlyForOpenssh:
        return None
    return SshArguments(tuple(lines), config_file)


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Letters with their values: ``-p 22``, ``-p22`` and ``-qp22`` are all the same."""
    left = iter(words)
    for word in left:
        if len(word) < 2 or not word.startswith("-") or "\n" in word:
            raise _OnlyForOpenssh
        for at, letter in enumerate(word[1:], 2):
            if letter in _LETTERS_OF_NO_MATTER or letter == "A":
                yield letter, ""
                continue
            value = word[at:] or next(left, "")
            if letter not in {"F", "o", *_KEYWORDS} or not value or "\n" in value:
                raise _OnlyForOpenssh
            yield letter, value
            break


def _read_line(text: str) -> list[str]:
    """The line of ``-o Keyword=value``; none when it makes no difference."""
    keyword, _, value = text.strip().replace("=", " ", 1).partition(" ")
    if keyword.lower() in _NO_MATTER:
        return []
    if keyword.lower() not in _HEEDED or not value.strip():
        raise _OnlyForOpenssh
    return [f"{keyword} {value.strip()}"]
