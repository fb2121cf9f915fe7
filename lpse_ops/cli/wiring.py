"""What a command gets: the ``App``, which joins settings, console, clock and sibling rooms.

Imported by every command and by ``--help``: whatever is heavy is imported where it is used.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lpse_ops.clock import Clock, SystemClock
from lpse_ops.errors import SettingsNotFilledIn

if TYPE_CHECKING:
    from lpse_ops.cli.console import Console
    from lpse_ops.cli.settings import Destination, Settings
    from lpse_ops.ledger import Ledger


@dataclass
class App:
    """The surroundings of one command; options fill the plain fields before it runs."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    settings_file: Path | None = None
    quiet: bool = False
    repo: str | None = None
    destination: str | None = None
    # The destination that the command works on, once it is known; see destination_access.
    chosen: "Destination | None" = None
    password_file: Path | None = None
    no_cache: bool = False
    # Of the command that runs, where its own differ: one that answers as a program of Ansible.
    exit_codes: Mapping[type[BaseException], int] = field(default_factory=dict)

    @cached_property
    def settings(self) -> "Settings":
        """The settings; raises SettingsError when there is no file or it is wrong."""
        from lpse_ops.cli.settings import require_settings

        return require_settings(self.settings_if_any)

    @cached_property
    def settings_if_any(self) -> "Settings | None":
        """The settings, or None when there is no file; a wrong file is still an error."""
        from lpse_ops.cli.settings_file import find_settings

        path = find_settings(self.settings_file, self.environment)
        if path is None:
            return None
        # 40 ms, only for who has any.
        from lpse_ops.cli.settings import load_settings

        return load_settings(path)

    @cached_property
    def settings_unless_empty(self) -> "Settings | None":
        """The same, and None while a site that was laid out is not filled in."""
        try:
            return self.settings_if_any
        except SettingsNotFilledIn:
            return None

    @cached_property
    def settings_folder(self) -> Path | None:
        """The folder of the settings, filled in or not; None when there is no file."""
        from lpse_ops.cli.settings_file import find_settings

        self.settings_unless_empty  # noqa: B018 - a wrong file is an error
        path = find_settings(self.settings_file, self.environment)
        return None if path is None else path.absolute().parent

    @cached_property
    def console(self) -> "Console":
        from lpse_ops.cli.console import Console

        return Console(self.stderr, quiet=self.quiet, environment=self.environment)

    @cached_property
    def clock(self) -> Clock:
        """The machine's clock in the site's time zone, if there are settings."""
        settings = self.settings_unless_empty
        return SystemClock(settings.site.time_zone if settings else None)

    @cached_property
    def state_folder(self) -> Path:
        return state_folder(self.environment, is_root=os.geteuid() == 0)

    @cached_property
    def ledger(self) -> "Ledger":
        """The signed log of the site; without settings, of this machine."""
        from lpse_ops.ledger import Ledger

        settings = self.settings_unless_empty
        origin = settings.site.slug if settings else machine_origin(os.uname().nodename)
        return Ledger(self.state_folder / "ledger", origin, lambda: self.clock.now())


def state_folder(environment: Mapping[str, str], *, is_root: bool) -> Path:
    """Return the folder for ledger, caches and log; it may not exist yet."""
    if environment.get("LPSE_OPS_STATE"):
        return Path(environment["LPSE_OPS_STATE"])
    if is_root:
        return Path("/var/lib/lpse-ops")
    home = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "lpse-ops"


def machine_origin(name: str) -> str:
    """Return a machine's name as the origin of a log, which is a folder's name, too."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("-_.")[:128] or "machine"
