"""One inventory file read for ``validate``: what it says, and everything that is wrong with it.

What a file is follows from the same rules as in ``sources``; programs and plugins are not run.
"""

import os
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from lpse_ops.errors import InventoryError, OpsError, PlaybookError
from lpse_ops.inventory.declaration import OpenSealed, Statement
from lpse_ops.inventory.faults import Faults, split_place
from lpse_ops.inventory.ini import parse_ini
from lpse_ops.inventory.places import Places
from lpse_ops.inventory.pluginfile import plugin_of
from lpse_ops.inventory.sources import (
    LOOKS_LIKE_YAML,
    YAML_ENDINGS,
    decode_text,
    is_host_list,
    read_content,
    read_host_list,
)
from lpse_ops.inventory.tomlsource import parse_toml
from lpse_ops.inventory.yamlsource import read_groups_leniently
from lpse_ops.marked import Origin
from lpse_ops.markedyaml import parse_marked
from lpse_ops.vault import is_sealed

NOT_CHECKED = "not-checked"
_BINARY_BYTES = 4096
_BEGINS_WITH_SECTION = re.compile(r"(?:\s*[#;].*\n|\s*\n)*\[[\w.:-]+(?:\]|\n)")


class FileSeen(NamedTuple):
    """What one file says; ``is_read`` is false when only running it would tell.

    ``is_refused``: who reads it to use it would not take the format.
    """

    statements: list[Statement]
    faults: Faults
    places: Places
    is_read: bool = True
    is_sealed: bool = False
    is_refused: bool = False


class Asked(NamedTuple):
    """A file, the groups of those before it, and what opens the sealed ones."""

    source: str
    known_groups: Collection[str]
    open_sealed: OpenSealed | None


def see_file(asked: Asked) -> FileSeen:
    """Read one file or list of hosts; nothing is raised because of what it holds."""
    faults = Faults()
    try:
        if is_host_list(asked.source):
            return FileSeen(list(read_host_list(asked.source)), faults, Places())
        content = read_content(asked.source)
    except InventoryError as error:
        faults.add("missing-source", Origin(asked.source), error.message, error.hint)
        return FileSeen([], faults, Places())
    return _see_content(asked, content, faults)


def _see_content(asked: Asked, content: bytes, faults: Faults) -> FileSeen:
    is_binary = b"\0" in content[:_BINARY_BYTES]
    if content.startswith(b"#!") or (is_binary and os.access(asked.source, os.X_OK)):
        return _unread(asked, faults, "is a program, which is not run here")
    if is_binary:
        return _no_text(asked.source, faults)
    if not is_sealed(content):
        return _see_text(asked, content)
    opened = open_if_possible(content, asked.source, asked.open_sealed, faults)
    if opened is None:
        return FileSeen([], faults, Places(), is_read=False, is_sealed=True)
    return _see_text(asked, opened)._replace(is_sealed=True)


def _no_text(source: str, faults: Faults) -> FileSeen:
    """Some editors save each letter in two bytes, one of them zero: Ansible reads nothing then."""
    ending = os.path.splitext(source)[1]
    rule = "ini-syntax" if ending and ending not in YAML_ENDINGS else "yaml-syntax"
    hint = "save it as UTF-8 text; if it is a program: chmod +x"
    faults.add(rule, Origin(source), "this is no text: it holds zero bytes", hint)
    return FileSeen([], faults, Places())


def open_if_possible(
    content: bytes, name: str, open_sealed: OpenSealed | None, faults: Faults
) -> bytes | None:
    """Decrypt a whole file; where no password opens it, say so and give None."""
    hint = "give --vault-password-file FILE or --vault-id to look inside"
    if open_sealed is None:
        faults.add(NOT_CHECKED, Origin(name), f"{name} is vault-encrypted", hint)
        return None
    try:
        return open_sealed(content, name)
    except OpsError as error:
        faults.add(NOT_CHECKED, Origin(name), split_place(error.message, name)[1], error.hint)
        return None


def _unread(asked: Asked, faults: Faults, problem: str) -> FileSeen:
    hint = f"to check what it gives: ansible-inventory -i {asked.source} --list --yaml --output F"
    faults.add(NOT_CHECKED, Origin(asked.source), f"{asked.source} {problem}", hint)
    return FileSeen([], faults, Places(), is_read=False)


def _see_text(asked: Asked, content: bytes) -> FileSeen:
    ending = os.path.splitext(asked.source)[1]
    if ending == ".toml":
        return _see_toml(asked, content)
    if ending and ending not in YAML_ENDINGS:
        return _see_ini(asked, content)
    as_yaml = _see_yaml(asked, content)
    if not as_yaml.is_refused:
        return as_yaml
    as_ini = _see_ini(asked, content)
    text = content.decode(errors="replace")
    is_meant = not ending and (_BEGINS_WITH_SECTION.match(text) or not LOOKS_LIKE_YAML.search(text))
    return as_ini if is_meant or not as_ini.faults.by_rule else as_yaml


def _see_ini(asked: Asked, content: bytes) -> FileSeen:
    faults, places = Faults(), Places()
    statements: list[Statement] = []
    try:
        text = decode_text(content, asked.source)
        statements = parse_ini(
            text, asked.source, asked.known_groups, refuse=faults.refuse, note=places.note
        )
    except InventoryError as error:
        faults.add_error("ini-syntax", error, asked.source)
    return FileSeen(statements, faults, places)


def _see_yaml(asked: Asked, content: bytes) -> FileSeen:
    faults, places = Faults(), Places()

    def warn(message: str) -> None:
        say_duplicate(message, asked.source, faults)

    try:
        document = parse_marked(content, asked.source, warn=warn, note=places.note)
    except PlaybookError as error:
        faults.add_error("yaml-syntax", error, asked.source)
        return FileSeen([], faults, places, is_refused=True)
    if plugin := plugin_of(document):
        return _unread(asked, faults, f"is for the plugin {plugin!r}, which is not run here")
    return _see_groups(asked, document, faults, places)


def _see_toml(asked: Asked, content: bytes) -> FileSeen:
    faults, places = Faults(), Places()
    try:
        document = parse_toml(decode_text(content, asked.source), asked.source, places.note)
    except InventoryError as error:
        faults.add_error("toml-syntax", error, asked.source)
        return FileSeen([], faults, places)
    return _see_groups(asked, document, faults, places)


def _see_groups(asked: Asked, document: Any, faults: Faults, places: Places) -> FileSeen:
    refused = Faults()
    statements = read_groups_leniently(
        document, asked.source, refused.refuse, faults.refuse, places
    )
    faults.take(refused)
    return FileSeen(statements, faults, places, is_refused=bool(refused.by_rule))


def say_duplicate(message: str, file: str, faults: Faults) -> None:
    """What reading YAML warns of: a key that is there twice."""
    origin, problem = split_place(message, file)
    hint = "remove one of the two; what the first one said is lost"
    faults.add("duplicate-key", origin, problem[:1].lower() + problem[1:], hint)
