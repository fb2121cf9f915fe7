"""The site's files for a new release: read from the current one, proposed, kept for the upgrade.

They are kept in ``/var/lib/lpse-ops/upgrade/files/VERSION``, only root's to read:
``application.conf`` and, where the site set paths in its start script, that script.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.cli.parameters import FILE
from lpse_ops.cli.spse_release_options import Decorated
from lpse_ops.errors import ReleaseError, SettingsError, UsageError

if TYPE_CHECKING:
    from lpse_ops.spse.configuration import Configuration
    from lpse_ops.spse.configurationproposal import Proposal, Undecided
    from lpse_ops.spse.configurationvalues import Values
    from lpse_ops.spse.package import Inspected, Package
    from lpse_ops.spse.release import Release

MODE, SCRIPT_MODE, _FOLDER_MODE = 0o600, 0o700, 0o700
CONFIGURATION = "application.conf"
_STDIN = "-"


def decision_options(command: Decorated) -> Decorated:
    """``--set-file`` and ``--take-new``: what a person decided."""
    given = click.option(
        "--set-file",
        type=FILE,
        metavar="FILE",
        help="Values to set, JSON or YAML (key: value), only root's to read; - is stdin.",
    )
    taken = click.option(
        "--take-new",
        multiple=True,
        metavar="KEY",
        help="Take the package's value of this key, where the site has its own.",
    )
    return given(taken(command))


@dataclass(frozen=True)
class SiteFile:
    """A file for the new release; ``target`` is its path there."""

    name: str
    target: str
    content: bytes
    mode: int


@dataclass(frozen=True)
class Proposed:
    """``old`` is None for the first installation."""

    new: "Release"
    old: "Release | None"
    proposal: "Proposal"
    files: tuple[SiteFile, ...]
    notes: tuple[str, ...]

    @property
    def undecided(self) -> tuple["Undecided", ...]:
        return self.proposal.undecided


def read_set_file(path: Path | None) -> "Values":
    """The values of ``--set-file``; SettingsError never shows one of them."""
    from lpse_ops.spse.configurationfile import MAX_BYTES
    from lpse_ops.spse.configurationvalues import parse_values
    from lpse_ops.spse.trustedfile import read_trusted
    from lpse_ops.yamlfile import parse_yaml

    if path is None:
        return {}
    if str(path) == _STDIN:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError("stdin is too long for values", hint="give key: value, JSON or YAML")
    else:
        content = read_trusted(path, MAX_BYTES, is_secret=True)
    try:
        return parse_values(parse_yaml(content, str(path)).value)
    except ValueError as error:
        raise SettingsError(
            f"{path}: {error}", hint='write it as {"http.port": "9090"}, JSON or YAML'
        ) from error


@dataclass(frozen=True)
class Candidate:
    """A new release, unpacked or not, with its own settings and start script."""

    release: "Release"
    default: "Configuration"
    script: bytes


def load_candidate(releases: Path, version: str) -> Candidate:
    """A release that is unpacked."""
    from lpse_ops.spse.configurationfile import load_configuration
    from lpse_ops.spse.release import defaults_path, load_release, release_folder

    release = load_release(releases, version)
    default = load_configuration(defaults_path(releases, version))
    folder = release_folder(releases, version)
    return Candidate(release, default, _read_script(folder, release.layout.start_script))


def read_candidate(package: "Package", inspected: "Inspected") -> Candidate:
    """A package that is not; nothing is written."""
    from lpse_ops.spse.configurationfile import MAX_BYTES, parse_file
    from lpse_ops.spse.packagefiles import read_files
    from lpse_ops.spse.release import plan_release

    if inspected.version is None:
        raise UsageError("the package does not tell its version", hint="say it: --release 4.5")
    release = plan_release(inspected, inspected.version)
    paths = (release.layout.configuration, release.layout.start_script)
    found = read_files(package, inspected, paths, MAX_BYTES)
    default = parse_file(package.path / paths[0], found[paths[0]])
    return Candidate(release, default, found[paths[1]])


def propose_files(
    releases: Path,
    link: Path,
    candidate: Candidate,
    *,
    values: "Values",
    take_new: tuple[str, ...],
) -> Proposed:
    """Propose the site's files for a new release; nothing is written."""
    from lpse_ops.spse.configurationproposal import propose
    from lpse_ops.spse.currentrelease import read_current
    from lpse_ops.spse.release import load_release

    new, default = candidate.release, candidate.default
    current = read_current(link, releases)
    if current.state == "none":
        _refuse_unknown(take_new, default)
        proposal = propose(None, default, None, values=values, take_new=take_new)
        return Proposed(new, None, proposal, (_configuration_file(new, proposal),), ())
    if current.state != "release" or current.version is None:
        raise ReleaseError(
            f"{link} leads to no release: the settings of this site are not known",
            hint="see lpse-ops spse release list; an application that was installed by hand: "
            "lpse-ops spse release adopt --release VERSION",
        )
    old = load_release(releases, current.version)
    site = _load_site(releases, old)
    _refuse_unknown(take_new, default, site)
    proposal = propose(
        _load_default(releases, old), default, site, values=values, take_new=take_new
    )
    script, notes = _carry_script(releases, link, old, candidate)
    return Proposed(new, old, proposal, (_configuration_file(new, proposal), *script), notes)


def _refuse_unknown(take_new: tuple[str, ...], *files: "Configuration") -> None:
    for key in take_new:
        if not any(key in each.values for each in files):
            raise UsageError(
                f"there is no key {key[:60]!a} in the package or at the site",
                hint="see which there are, without --take-new",
            )


def _configuration_file(new: "Release", proposal: "Proposal") -> SiteFile:
    content = proposal.configuration.render()
    return SiteFile(CONFIGURATION, new.layout.configuration, content, 0o640)


def _load_default(releases: Path, old: "Release") -> "Configuration | None":
    """None for a release that was installed by hand: nobody knows what its package had."""
    from lpse_ops.spse.configurationfile import load_configuration
    from lpse_ops.spse.release import defaults_path

    path = defaults_path(releases, old.version)
    return load_configuration(path) if os.path.lexists(path) else None


def _load_site(releases: Path, old: "Release") -> "Configuration":
    from lpse_ops.spse.configurationfile import MAX_BYTES, parse_file
    from lpse_ops.spse.release import release_folder
    from lpse_ops.spse.trustedfile import read_beneath

    folder, path = release_folder(releases, old.version), old.layout.configuration
    return parse_file(folder / path, read_beneath(folder, path, MAX_BYTES))


def _carry_script(
    releases: Path, link: Path, old: "Release", candidate: Candidate
) -> tuple[tuple[SiteFile, ...], tuple[str, ...]]:
    from lpse_ops.spse.release import release_folder
    from lpse_ops.spse.startscript import carry_homes, find_homes

    new, packed = candidate.release, candidate.script
    folder = release_folder(releases.absolute(), old.version)
    theirs = _read_script(folder, old.layout.start_script)
    carried = carry_homes(theirs, packed, {str(folder): str(link)})
    notes = tuple(
        f"{folder / old.layout.start_script} sets {name} to something that is no plain path: "
        f"look whether {new.version} needs it"
        for name in find_homes(theirs).unread
        if name not in find_homes(packed).unread
    )
    if carried == packed:
        return (), notes
    script = new.layout.start_script
    return (SiteFile(script, script, carried, 0o755),), notes


def _read_script(folder: Path, name: str) -> bytes:
    from lpse_ops.spse.startscript import MAX_BYTES
    from lpse_ops.spse.trustedfile import read_beneath

    return read_beneath(folder, name, MAX_BYTES)


def files_folder(state_folder: Path, version: str) -> Path:
    """Where the site's files for a release are kept until the upgrade puts them into it."""
    return state_folder / "upgrade" / "files" / version


def save_file(path: Path, content: bytes) -> bool:
    """Write it for root alone, durably; false when it was just so already."""
    from lpse_ops.atomicfile import write_atomically

    try:
        for folder in reversed([each for each in path.parents if not each.exists()]):
            folder.mkdir(mode=_FOLDER_MODE)
        if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
            path.chmod(MODE)
            return False
        write_atomically(path, content, mode=MODE)
    except OSError as error:
        raise ReleaseError(
            f"cannot write {path}: {error.strerror}",
            hint=f"run as root, and check the disk: df -h {path.parent}",
        ) from error
    return True
