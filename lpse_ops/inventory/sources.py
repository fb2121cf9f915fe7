"""Where an inventory comes from: a file of any kind, a folder of them, a program, or "a,b,".

What a file is follows from what it holds, in Ansible's order: a program, YAML, INI.
"""

import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from lpse_ops.errors import InventoryError, PlaybookError, ProcessFailed
from lpse_ops.inventory.address import parse_address
from lpse_ops.inventory.declaration import UNGROUPED, HostStated, OpenSealed, Statement, Warn
from lpse_ops.inventory.ini import parse_ini
from lpse_ops.inventory.pluginfile import PluginFile, plugin_of
from lpse_ops.inventory.script import ask_script
from lpse_ops.inventory.tomlsource import parse_toml
from lpse_ops.inventory.yamlsource import read_groups
from lpse_ops.marked import Origin
from lpse_ops.markedyaml import parse_marked
from lpse_ops.process import Finished, run
from lpse_ops.vault import is_sealed

YAML_ENDINGS = (".yml", ".yaml", ".json")
MAX_BYTES = 64 * 1024 * 1024
# Inventories of clouds take minutes at worst.
SCRIPT_TIMEOUT_SECONDS = 300.0

_MAX_DEPTH = 20
_NOT_IN_FOLDERS = re.compile(r"^\.|^host_vars$|^group_vars$|^vars_plugins$")
_IGNORED_ENDINGS = (
    *(".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst"),
    *(".orig", ".cfg", ".retry"),
)
LOOKS_LIKE_YAML = re.compile(r"^(?:---|[\w'\"-]+:\s*$|\{)", re.MULTILINE)


class SourceMissing(InventoryError):
    """There is no such file."""


def no_plugin(_name: str, _file: PluginFile) -> list[Statement] | None:
    """There are no inventory plugins."""
    return None


class Reading(NamedTuple):
    """How sources are read; ``run_plugin`` gives None for the name of a plugin there is not."""

    open_sealed: OpenSealed | None
    warn: Warn
    run_script: Callable[[list[str]], Finished]
    run_plugin: Callable[[str, PluginFile], list[Statement] | None] = no_plugin


def run_script(argv: list[str]) -> Finished:
    """Run an inventory script to its end."""
    try:
        return run(argv, timeout_seconds=SCRIPT_TIMEOUT_SECONDS)
    except ProcessFailed as error:
        raise InventoryError(error.message, hint=error.hint) from error


def is_host_list(source: str) -> bool:
    """Tell ``a,b,`` from the name of a file; a file of that name comes first."""
    return "," in source and not os.path.lexists(source)


def files_of(source: str, *, depth: int = 0) -> Iterator[str]:
    """The files of a source: itself, or those of a folder, by name, folders inside included."""
    if not os.path.isdir(source):
        yield source
        return
    if depth > _MAX_DEPTH:
        raise InventoryError(
            f"{source}: folders are nested deeper than {_MAX_DEPTH} levels",
            hint="is there a symbolic link to a folder above?",
        )
    try:
        names = sorted(os.listdir(source))
    except OSError as error:
        raise InventoryError(
            f"cannot read {source}: {error.strerror}", hint="check who may read the folder"
        ) from error
    for name in names:
        if not _NOT_IN_FOLDERS.search(name) and not name.endswith(_IGNORED_ENDINGS):
            yield from files_of(os.path.join(source, name), depth=depth + 1)


def read_source(source: str, known_groups: Collection[str], reading: Reading) -> list[Statement]:
    """Read one file, program or list of hosts."""
    if is_host_list(source):
        return list(read_host_list(source))
    content = read_content(source)
    if content.startswith(b"#!") or os.access(source, os.X_OK):
        return _read_program(source, content, known_groups, reading)
    return _read_text(source, content, known_groups, reading)


def read_host_list(source: str) -> Iterator[Statement]:
    for entry in filter(None, map(str.strip, source.split(","))):
        address = parse_address(entry, allow_ranges=False)
        host, port = address or (entry, None)
        yield HostStated(host, UNGROUPED, port, Origin("<list of hosts>"))


def read_content(source: str) -> bytes:
    try:
        with open(source, "rb") as stream:
            # Never the whole of something endless such as a device.
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        kind = SourceMissing if isinstance(error, FileNotFoundError) else InventoryError
        raise kind(
            f"cannot read the inventory {source}: {error.strerror}",
            hint="give the inventory with -i FILE; a list of hosts ends with a comma: -i db-1,",
        ) from error
    if len(content) > MAX_BYTES:
        raise InventoryError(
            f"{source} is larger than {MAX_BYTES >> 20} MiB", hint="is it the right file?"
        )
    return content


def _read_program(
    source: str, content: bytes, known_groups: Collection[str], reading: Reading
) -> list[Statement]:
    """Run it; a plain file on a disk that marks every file as executable is read as text."""
    try:
        return ask_script(str(Path(source).absolute()), reading.run_script)
    except InventoryError as failed:
        if content.startswith(b"#!"):
            raise
        try:
            return _read_text(source, content, known_groups, reading)
        except InventoryError as error:
            raise InventoryError(
                error.message, hint=f"{error.hint}; as a program: {failed.message}"
            ) from error


def _read_text(
    source: str, content: bytes, known_groups: Collection[str], reading: Reading
) -> list[Statement]:
    content = _opened(source, content, reading)
    ending = os.path.splitext(source)[1]
    if ending == ".toml":
        return read_groups(parse_toml(decode_text(content, source), source), source, reading.warn)
    if ending and ending not in YAML_ENDINGS:
        return parse_ini(decode_text(content, source), source, known_groups)
    try:
        return _read_yaml(source, content, reading)
    except InventoryError as yaml_error:
        try:
            return parse_ini(decode_text(content, source), source, known_groups)
        except InventoryError:
            if not ending and not LOOKS_LIKE_YAML.search(content.decode(errors="replace")):
                raise
            raise yaml_error from None


def _opened(source: str, content: bytes, reading: Reading) -> bytes:
    if not is_sealed(content):
        return content
    if reading.open_sealed is None:
        raise InventoryError(
            f"{source} is vault-encrypted", hint="give --vault-password-file FILE or --vault-id"
        )
    return reading.open_sealed(content, source)


def _read_yaml(source: str, content: bytes, reading: Reading) -> list[Statement]:
    try:
        document = parse_marked(content, source, warn=reading.warn)
    except PlaybookError as error:
        raise InventoryError(error.message, hint=error.hint) from error
    if plugin := plugin_of(document):
        found = reading.run_plugin(plugin, PluginFile(source, document))
        if found is not None:
            return found
    return read_groups(document, source, reading.warn)


def decode_text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InventoryError(
            f"{name}:{line}: not UTF-8", hint="save the file as UTF-8 text"
        ) from error
