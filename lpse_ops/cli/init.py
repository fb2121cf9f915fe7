"""Lay out what a site edits: settings, inventory, playbooks and roles."""

import os
import shlex
from pathlib import Path, PurePath

import click

from lpse_ops.atomicfile import write_atomically
from lpse_ops.cli.parameters import FILE
from lpse_ops.cli.shipped import site_files
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError

# The settings name people, addresses and places of keys.
_MODES = {PurePath("lpse-ops.yml"): 0o640}
_DEFAULT_MODE = 0o644


@click.command(epilog="Example: lpse-ops init /etc/lpse-ops")
@click.argument("folder", metavar="DIR", type=FILE)
@click.pass_obj
def command(app: App, folder: Path) -> None:
    """Lay out settings, inventory, playbooks and roles of a site in DIR.

    Nothing that exists is overwritten.
    """
    content = dict(site_files())
    refuse_overwriting(folder, content)
    try:
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / name, data, mode=_MODES.get(name, _DEFAULT_MODE))
    except OSError as error:
        raise OpsError(
            f"cannot write {error.filename or folder}: {error.strerror}",
            hint="choose a folder that you may write to",
        ) from error
    app.console.print(render_next_steps(folder))


def refuse_overwriting(folder: Path, names: dict[PurePath, bytes]) -> None:
    """Raise an error that names every file that is there already."""
    existing = [str(folder / name) for name in names if os.path.lexists(folder / name)]
    if existing:
        raise OpsError(
            f"will not overwrite {', '.join(existing)}",
            hint="name another folder, or move these files away: lpse-ops init DIR",
        )


def render_next_steps(folder: Path) -> str:
    settings = shlex.quote(str(folder / "lpse-ops.yml"))
    password = shlex.quote(str(folder / "backup.password"))
    inventory = shlex.quote(str(folder / "inventory"))
    return f"""\
laid out {folder}

Next:
  1. fill in the empty keys of {settings}
  2. make a password, and keep a copy of it elsewhere:
       (umask 077; head -c 32 /dev/urandom | base64 > {password})
  3. make the repository:  lpse-ops --settings {settings} backup init
  4. take a backup:        lpse-ops --settings {settings} backup
  5. for an SPSE server: fill in {inventory}, then
       lpse-ops --settings {settings} spse install PACKAGE --check"""
