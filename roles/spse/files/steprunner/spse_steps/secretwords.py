"""The secrets that programs may print: read from the site's own files, to be masked."""

from typing import Set

from spse_steps.durable import read_beneath, read_trusted
from spse_steps.masking import secrets_of_configuration, secrets_of_passfile
from spse_steps.plan import Plan, beside_release

_LARGEST_BYTES = 1 << 22


def read_secrets(plan: Plan) -> Set[str]:
    """Passwords of both configurations and of the PGPASSFILE, as far as they are there."""
    found: Set[str] = set()
    for file in plan.files:
        target = beside_release(plan.old, file.target)
        try:
            old = read_beneath(plan.old.folder, target, _LARGEST_BYTES)
        except OSError:
            old = b""
        for content in (old, _read(file.source)):
            found |= secrets_of_configuration(content.decode("utf-8", "replace"))
    if plan.database.passfile:
        found |= secrets_of_passfile(_read(plan.database.passfile).decode("utf-8", "replace"))
    return found


def _read(path: str) -> bytes:
    try:
        return read_trusted(path, _LARGEST_BYTES)
    except OSError:
        return b""
