"""List what a snapshot holds."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from lpse_ops.backup.gotime import to_datetime
from lpse_ops.backup.node import Node
from lpse_ops.backup.treewalk import Entry, walk_tree
from lpse_ops.cli.backup_options import (
    Only,
    filter_options,
    no_lock_option,
    path_text,
    snapshot_fields,
)
from lpse_ops.cli.output import open_output, printable, write_json_list
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App

_FORMATS = {
    "file": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "dev": stat.S_IFBLK,
    "chardev": stat.S_IFCHR,
    "fifo": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
}


@click.command(epilog="Example: lpse-ops backup ls latest /home/file/file_prod --long")
@click.argument("snapshot")
@click.argument("folders", nargs=-1, metavar="[FOLDER]...")
@click.option("--long", "-l", "is_long", is_flag=True, help="Modes, owners, sizes and times too.")
@filter_options
@no_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    snapshot: str,
    folders: tuple[str, ...],
    is_long: bool,
    only: Only,
    no_lock: bool,
    output_format: str,
    output: Path | None,
) -> None:
    """List the files of SNAPSHOT, or of its FOLDERs.

    SNAPSHOT is an id's first digits, or 'latest'.
    """
    wanted = [os.path.normpath(os.fsencode(folder)) for folder in folders]
    with locked(app, no_lock=no_lock) as repository:
        chosen = only.choose(repository.snapshots(app.console.warn), snapshot)
        index = repository.load_index()
        entries = _below(
            walk_tree(
                repository, index, chosen.tree, enter=lambda entry: _leads(entry.path, wanted)
            ),
            wanted,
        )
        with open_output(output) as stream:
            if output_format == "json":
                fields = {"snapshot": snapshot_fields(chosen)}
                write_json_list(stream, "backup/ls", fields, "entries", map(entry_fields, entries))
                return
            for entry in entries:
                line = _long_line(entry) if is_long else printable(path_text(entry.path))
                stream.write(f"{line}\n".encode())


def entry_fields(entry: Entry) -> dict[str, Any]:
    """An entry in JSON output; times in UTC."""
    node = entry.node
    return {
        "path": path_text(entry.path),
        "type": node.type,
        "mode": f"{node.permissions:04o}",
        "uid": node.uid,
        "gid": node.gid,
        "user": node.user,
        "group": node.group,
        "size": node.size if node.type == "file" else None,
        "mtime": node.mtime,
        "linktarget": path_text(node.link_target) if node.type == "symlink" else None,
    }


def _below(entries: Iterator[Entry], wanted: list[bytes]) -> Iterator[Entry]:
    if not wanted:
        return entries
    return (entry for entry in entries if any(_is_in(entry.path, each) for each in wanted))


def _leads(path: bytes, wanted: list[bytes]) -> bool:
    """Whether a folder is, lies in, or leads to one that is wanted."""
    return not wanted or any(_is_in(path, each) or _is_in(each, path) for each in wanted)


def _is_in(path: bytes, folder: bytes) -> bool:
    return folder == b"/" or path == folder or path.startswith(folder + b"/")


def _long_line(entry: Entry) -> str:
    node = entry.node
    owner = f"{node.user or node.uid}:{node.group or node.gid}"
    moment = f"{to_datetime(node.mtime_ns).astimezone():%Y-%m-%d %H:%M:%S}"
    target = f" -> {path_text(node.link_target)}" if node.type == "symlink" else ""
    line = f"{_mode_text(node)} {owner:16} {node.size:12} {moment} {path_text(entry.path)}{target}"
    return printable(line)


def _mode_text(node: Node) -> str:
    return stat.filemode(_FORMATS[node.type] | node.permissions)
