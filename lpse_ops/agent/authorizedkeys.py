"""Lines of an authorized_keys file, see sshd(8): options, type, key and comment of each.

Runs on the managed host: standard library only, Python 3.6.  Pure: what the lines become.
"""

import re
from typing import List, NamedTuple, Optional, Tuple

_PLAIN = (
    *("ssh-ed25519", "ssh-rsa", "ssh-dss"),
    *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
)
_TOKENS = ("sk-ecdsa-sha2-nistp256", "sk-ssh-ed25519")
KEY_TYPES = frozenset(
    [
        *_PLAIN,
        *(f"{name}@openssh.com" for name in _TOKENS),
        *(f"{name}-cert-v01@openssh.com" for name in _PLAIN + _TOKENS),
    ]
)
# One field: white space counts only outside of quotes, in which a quote may be escaped.
_FIELD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
_OPTION = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')


class Key(NamedTuple):
    """What one line lets in; ``text`` is the key itself, by which lines are told apart."""

    options: Tuple[str, ...]
    kind: str
    text: str
    comment: str

    def is_same(self, other: "Key") -> bool:
        """Whether two lines say the same; the order of options means nothing."""
        return self._replace(options=()) == other._replace(options=()) and sorted(
            self.options
        ) == sorted(other.options)

    def render(self) -> str:
        options = [",".join(self.options)] if self.options else []
        return " ".join([*options, self.kind, self.text, self.comment]) + "\n"


def parse_options(text: str) -> Tuple[str, ...]:
    return tuple(_OPTION.findall(text))


def parse_key(line: str) -> Optional[Key]:
    """The key of a line; None for a comment, an empty line and what is no key."""
    rest = line.strip()
    if rest.startswith("#"):
        return None
    fields: List[str] = []
    # Options may be there or not; the comment is all that comes after the key.
    while len(fields) < 3 and not (len(fields) == 2 and fields[0] in KEY_TYPES):
        found = _FIELD.match(rest)
        if not found:
            break
        fields.append(found.group())
        rest = rest[found.end() :].lstrip()
    options = fields.pop(0) if fields and fields[0] not in KEY_TYPES else ""
    if len(fields) != 2 or fields[0] not in KEY_TYPES:
        return None
    return Key(parse_options(options), fields[0], fields[1], " ".join(rest.split()))


def plan_present(lines: List[str], wanted: List[Key], *, exclusive: bool) -> List[str]:
    """Have the keys, those that are missing or say something else at the end.

    ``exclusive`` leaves nothing but these keys, not even comments.
    """
    if exclusive:
        texts = {key.text for key in wanted}
        lines = [line for line in lines if _text_of(line) in texts]
    for key in wanted:
        there = [each for each in map(parse_key, lines) if each and each.text == key.text]
        if not there or not all(key.is_same(each) for each in there):
            lines = [*plan_absent(lines, [key]), key.render()]
    return lines


def plan_absent(lines: List[str], unwanted: List[Key]) -> List[str]:
    """Leave out the keys, whatever their options and comments are."""
    texts = {key.text for key in unwanted}
    return [line for line in lines if _text_of(line) not in texts]


def _text_of(line: str) -> Optional[str]:
    key = parse_key(line)
    return key.text if key else None
