"""Inventories in INI format: ``[group]``, ``[group:children]`` and ``[group:vars]``."""

import io
import re
import shlex
from collections.abc import Callable, Collection, Iterator
from typing import NoReturn

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.address import MAX_HOSTS, expand_hosts
from lpse_ops.inventory.declaration import (
    UNGROUPED,
    ChildStated,
    GroupStated,
    HostStated,
    Note,
    Refuse,
    Refused,
    Statement,
    VariableStated,
    note_nothing,
    raise_at_once,
)
from lpse_ops.inventory.literal import read_literal
from lpse_ops.inventory.secrets import is_secret_name
from lpse_ops.marked import Origin, Text

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP_NAME = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_COMMENTS = ("#", ";")
# shlex takes a minute for a million.
_LONGEST_LINE = 100_000
_SECTIONS_RULE = "unknown-section"
_SECTION_HINT = "write [GROUP], [GROUP:children] or [GROUP:vars], without spaces"


def parse_ini(
    text: str,
    name: str,
    known_groups: Collection[str],
    *,
    refuse: Refuse = raise_at_once,
    note: Note = note_nothing,
) -> list[Statement]:
    """Return what a file says, in order; ``known_groups`` are those of earlier sources.

    Where ``refuse`` raises nothing, a line that is not understood is left out.
    """
    parser = _Parser(name, known_groups, note)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            parser.read(line, number)
        except Refused as refused:
            refuse(refused)
    for undeclared in parser.undeclared():
        refuse(undeclared)
    return parser.statements


class _Parser:
    """Reads line by line; what a line means depends on the section that it stands in."""

    def __init__(self, name: str, known_groups: Collection[str], note: Note) -> None:
        self.statements: list[Statement] = []
        self._name = name
        self._note = note
        self._group = UNGROUPED
        self._declared = set(known_groups)
        # Groups that a later section has to declare, with the first mention and what it was.
        self._pending: dict[str, tuple[Origin, str]] = {}
        self._n_hosts = 0
        self._sections: dict[str, Callable[[str, Origin], None]] = {
            "hosts": self._read_host,
            "children": self._read_child,
            "vars": self._read_variable,
        }
        self._read_line = self._sections["hosts"]

    def read(self, line: str, number: int) -> None:
        stripped = line.strip()
        if not stripped or line.startswith(_COMMENTS) or stripped.startswith(_COMMENTS):
            return
        origin = Origin(self._name, number, line.index(stripped) + 1)
        section = _SECTION.fullmatch(stripped)
        if section:
            self._open_section(section[1], section[2] or "hosts", origin)
        elif stripped.startswith("[") and (stripped.endswith("]") or "]" not in stripped):
            self._read_line = _skip
            _fail(origin, f"{stripped!r} is no section", hint=_SECTION_HINT, rule=_SECTIONS_RULE)
        else:
            self._read_line(stripped, origin)

    def undeclared(self) -> Iterator[Refused]:
        """Groups that were mentioned and never declared."""
        for group, (origin, kind) in self._pending.items():
            if kind == "vars":
                yield Refused(
                    origin,
                    f"variables of the group {group!r}, which no section declares",
                    hint=f"add a section [{group}] with its hosts, or correct the name",
                    rule=_SECTIONS_RULE,
                )
            else:
                yield Refused(
                    origin,
                    f"{group!r} is no group",
                    hint=f"add a section [{group}]; hosts belong in a section without ':children'",
                    rule="unreachable-children",
                )

    def _open_section(self, group: str, kind: str, origin: Origin) -> None:
        if kind not in self._sections:
            self._read_line = _skip
            problem = f"unknown kind of section {kind!r}"
            _fail(origin, problem, hint=_SECTION_HINT, rule=_SECTIONS_RULE)
        self._group, self._read_line = group, self._sections[kind]
        self.statements.append(GroupStated(group, origin))
        if kind != "vars":
            self._declared.add(group)
            self._pending.pop(group, None)
        elif group not in self._declared:
            self._pending.setdefault(group, (origin, "vars"))

    def _read_child(self, line: str, origin: Origin) -> None:
        child = _GROUP_NAME.fullmatch(line)
        if not child:
            _fail(origin, f"{line!r} is no name of a group", hint="write one group in each line")
        if child[1] not in self._declared:
            self._pending.setdefault(child[1], (origin, "children"))
        self.statements.append(ChildStated(self._group, child[1], origin))

    def _read_variable(self, line: str, origin: Origin) -> None:
        if "=" not in line:
            _fail(origin, f"{line!r} sets no variable", hint="write NAME=VALUE")
        key, _, value = line.partition("=")
        at = len(key) + 1 + len(value) - len(value.lstrip())
        place = origin._replace(column=origin.column + at)
        self._state_variable(self._group, key.strip(), value.strip(), origin, place)

    def _read_host(self, line: str, origin: Origin) -> None:
        if len(line) > _LONGEST_LINE:
            hint = "put long values into a file in host_vars"
            _fail(origin, f"a line of more than {_LONGEST_LINE} characters", hint=hint)
        tokens = list(_split(line, origin))
        hosts, port = self._expand(tokens[0][0], origin)
        for host in hosts:
            self.statements.append(HostStated(host, self._group, port, origin))
        is_secret = False
        for token, column in tokens[1:]:
            place = origin._replace(column=origin.column + column)
            key, equals, value = token.partition("=")
            if not equals:
                # A password with a blank in it, and no quotation marks around.
                word = "this word" if is_secret else repr(token)
                _fail(place, f"{word} sets no variable", hint="write NAME=VALUE")
            is_secret = is_secret or is_secret_name(key)
            at = origin._replace(column=origin.column + line.index("=", column) + 1)
            for host in hosts:
                self._state_variable(host, key, value, place, at)

    def _state_variable(self, owner: str, key: str, value: str, key_at: Origin, at: Origin) -> None:
        self._note(None, key, key_at, at)
        self.statements.append(VariableStated(owner, Text(key, key_at), read_literal(value, at)))

    def _expand(self, pattern: str, origin: Origin) -> tuple[list[str], int | None]:
        if pattern.strip() == "---":
            _fail(
                origin,
                "'---' is no host; this looks like YAML",
                hint="give the file a name that ends with .yml",
            )
        if pattern.endswith(":"):
            _fail(
                origin,
                f"the host {pattern!r} ends with ':'",
                hint="remove the ':', or write the port behind it",
            )
        try:
            hosts, port = expand_hosts(pattern)
        except InventoryError as error:
            _fail(origin, error.message, hint=error.hint, rule="bad-host-name")
        self._n_hosts += len(hosts)
        if self._n_hosts > MAX_HOSTS:
            _fail(origin, f"more than {MAX_HOSTS} hosts", hint="is it the right file?")
        return hosts, port


def _split(line: str, origin: Origin) -> Iterator[tuple[str, int]]:
    """Split a line as a shell does, comments left out; with each word the column of its start."""
    stream = io.StringIO(line)
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split = True
    try:
        while True:
            begin = stream.tell()
            token = lexer.get_token()
            if token is None:
                return
            blanks = len(line[begin:]) - len(line[begin:].lstrip())
            yield token, begin + blanks
    except ValueError as error:
        _fail(origin, f"{error}".lower(), hint="close the quotation mark, or put a \\ before it")


def _skip(_line: str, _origin: Origin) -> None:
    """What stands below a section that is none."""


def _fail(origin: Origin, problem: str, *, hint: str, rule: str = "ini-syntax") -> NoReturn:
    raise Refused(origin, problem, hint=hint, rule=rule)
