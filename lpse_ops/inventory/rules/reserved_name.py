"""A variable has a name that means something else in playbooks.

`port`, `tags`, `environment` and other keywords, and functions of templates such as `lookup`:
Ansible warns, and which of the two is meant depends on the place.  Give it a name of its own, such
as `db_port`.
"""

from collections.abc import Iterator

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "warning"


def check(seen: Seen) -> Iterator[Fault]:
    """Once for each place: a range of hosts has many cells there."""
    told = set()
    for cell in seen.cells:
        if cell.name in seen.reserved and cell.name_at not in told:
            told.add(cell.name_at)
            problem = f"{cell.name!r} is a word of playbooks"
            hint = f"write a name of its own, such as site_{cell.name}"
            yield Fault(cell.name_at, problem, hint, cell.owner)
