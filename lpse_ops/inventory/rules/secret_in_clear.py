"""A password, a token or a private key stands in an inventory for everybody to read.

An inventory is copied, sent by mail and kept in git for ever.  Encrypt the value and put what is
printed in its place: `lpse-ops vault encrypt-string --prompt --name NAME`.  A secret that stood in
git is known: change it.  The value itself is shown nowhere.
"""

from collections.abc import Iterator

from lpse_ops.inventory.secrets import Secret, secrets_in
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterator[Fault]:
    for cell in seen.cells:
        if not cell.in_sealed_file:
            for secret in secrets_in(cell.name, cell.value, cell.value_at):
                yield _fault(secret, cell.name, cell.owner)


def _fault(secret: Secret, variable: str, owner: str) -> Fault:
    # A hint that is pasted into a shell holds nothing but a plain name.
    name = variable if variable.isidentifier() and variable.isascii() else "NAME"
    hint = f"run: lpse-ops vault encrypt-string --prompt --name {name[:80]}"
    return Fault(secret.origin, f"{secret.what} stands here in clear", hint, owner)
