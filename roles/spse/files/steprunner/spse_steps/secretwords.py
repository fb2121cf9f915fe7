"""The secrets that programs may print: read from the site's own files, to be masked."""

from typing import Set

from spse_steps.durable import read_beneath, read_trusted
from spse_steps.masking import secrets_of_configuration, secrets_of_passfile
from spse_steps.plan import Plan, Release, beside_release

_LARGEST_BYTES = 1 << 22
# Of the layouts of 4.4 and of 4.3.
_CONFIGURATIONS = ("conf/application.conf", "webapp/conf/application.conf")


def read_secrets(plan: Plan) -> Set[str]:
    """Passwords of both configurations and of the PGPASSFILE, as far as they are there."""
    found: Set[str] = set()
    places = {*_CONFIGURATIONS, *(file.target for file in plan.files)}
    contents = [_read_in(release, place) for release in (plan.old, plan.new) for place in places]
    contents += [_read(file.source) for file in plan.files]
    for content in contents:
        found |= secrets_of_configuration(content.decode("utf-8", "replace"))
    if plan.database.passfile:
        found |= secrets_of_passfile(_read(plan.database.passfile).decode("utf-8", "replace"))
    return found


def _read_in(release: Release, place: str) -> bytes:
    try:
        return read_beneath(release.folder, beside_release(release, place), _LARGEST_BYTES)
    except OSError:
        return b""


def _read(path: str) -> bytes:
    try:
        return read_trusted(path, _LARGEST_BYTES)
    except OSError:
        return b""
