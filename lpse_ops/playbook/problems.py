"""Errors of a playbook: where, three lines of the file, what there is instead, what to type."""

import difflib
import re
from collections.abc import Collection
from pathlib import Path

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Origin

# A template says where a secret is, and may be shown; the value itself may not.
_SECRET = re.compile(
    r"(\b\w*(?:passw|passphrase|secret|token|private_key|api_?key|pwd|pass\b)\w*(?<!_file)['\"]?\s*[:=]\s*)"
    r"(?!\s*(?:['\"]?\{\{|[|>!\[{]|$))[^,}]+",
    re.IGNORECASE,
)
# A line of a key, a certificate or a vault.
_ENCODED = re.compile(r"^\s*[A-Za-z0-9+/=]{40,}\s*$")
_SHOWN_BYTES = 4 * 1024 * 1024
_LONGEST_LINE = 160


class PlacedError(PlaybookError):
    """A fault at a place: the message holds the place, the ``problem`` and the lines around."""

    def __init__(self, origin: Origin, problem: str, *, hint: str) -> None:
        super().__init__("\n".join([f"{origin}: {problem}", *excerpt(origin)]), hint=hint)
        self.origin = origin
        self.problem = problem


def problem_at(origin: Origin | None, problem: str, *, hint: str) -> PlaybookError:
    """An error with its place, if that is known, and the lines around it."""
    if origin is None:
        return PlaybookError(problem, hint=hint)
    return PlacedError(origin, problem, hint=hint)


def excerpt(origin: Origin) -> list[str]:
    """Three lines around a place, the middle one pointed at; nothing when there is no such file.

    Of an encrypted file nothing is shown, of what is named like a secret only the name.
    """
    lines = lines_of(origin)
    if not 0 < origin.line <= len(lines):
        return []
    shown = []
    for number in range(max(1, origin.line - 1), min(len(lines), origin.line + 1) + 1):
        mark = ">" if number == origin.line else " "
        shown.append(f"{mark}{number:5} | {masked(lines[number - 1])[:_LONGEST_LINE]}".rstrip())
        if number == origin.line and 0 < origin.column <= _LONGEST_LINE:
            shown.append(f"       | {' ' * (origin.column - 1)}^")
    return shown


def did_you_mean(word: str, known: Collection[str]) -> str:
    """``did you mean 'x'?``, or an empty text when nothing is near."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def what_there_is(word: str, known: Collection[str], kind: str, command: str) -> str:
    """The hint for something unknown: the near one, all there are, and the way around."""
    parts = [did_you_mean(word, known), f"{kind}: {', '.join(sorted(known))}"]
    if command:
        parts.append(f"ansible-core may know it: {command}")
    return "; ".join(part for part in parts if part).replace("?;", "?")


def lines_of(origin: Origin) -> list[str]:
    if not origin.line:
        return []
    try:
        with Path(origin.file).open("rb") as stream:
            content = stream.read(_SHOWN_BYTES)
    except (OSError, ValueError):
        return []
    if content.startswith(b"$ANSIBLE_VAULT"):
        return []
    text = content.decode(errors="replace")
    return ["".join(c if c.isprintable() else " " for c in line) for line in text.split("\n")]


def masked(line: str) -> str:
    return "********" if _ENCODED.match(line) else _SECRET.sub(r"\1********", line)
