"""A variable that nothing uses, and whose name is nearly that of one that is used.

Ansible takes any name.  `ansible_usr: deploy` sets nothing that matters, and the host is reached
as somebody else.  Known are Ansible's own variables for connections and, with `--playbook`, what
playbooks and roles use and define.
"""

from collections.abc import Iterator

from lpse_ops.inventory.connectionvars import ANY, KINDS
from lpse_ops.inventory.fleetvariables import GROUP, NAMES
from lpse_ops.inventory.nearness import nearest
from lpse_ops.inventory.seen import Fault, Seen
from lpse_ops.inventory.templatesof import Templates

SEVERITY = "warning"
_PREFIX = "ansible_"
_SHORTEST = 6
_NO_DIGITS = str.maketrans("", "", "0123456789")


def check(seen: Seen) -> Iterator[Fault]:
    used = set(seen.used) | set(seen.defined) | KINDS.keys() | _used_in_values(seen)
    used |= NAMES if GROUP in seen.members else frozenset()
    own = sorted(name for name, kind in KINDS.items() if kind != ANY)
    others = sorted(name for name in used - KINDS.keys() if len(name) >= _SHORTEST)
    meant: dict[str, str] = {}
    for cell in seen.cells:
        if cell.name in used:
            continue
        if cell.name not in meant:
            meant[cell.name] = _meant(cell.name, own, others)
        if near := meant[cell.name]:
            problem = f"nothing uses a variable {cell.name!r}"
            yield Fault(cell.name_at, problem, f"did you mean {near!r}?", cell.owner)


def _used_in_values(seen: Seen) -> set[str]:
    templates = Templates()
    texts = {text for cell in seen.cells for text in templates.texts_in(cell.value)}
    return {name for text in texts for name in templates.named(text)}


def _meant(name: str, own: list[str], others: list[str]) -> str:
    """Ansible's own names have a prefix of eight letters, so all of them are long."""
    plain = name.lower().replace("-", "_").replace(" ", "_")
    if plain != name and plain in KINDS:
        return plain
    if _looks_own(plain):
        return nearest(name, own)
    near = nearest(name, others) if len(name) >= _SHORTEST else ""
    return "" if _bare(near) == _bare(name) else near


def _bare(name: str) -> str:
    """``node1`` and ``node2``, ``package`` and ``packages`` are no misspellings of each other."""
    return name.rstrip("s").translate(_NO_DIGITS)


def _looks_own(name: str) -> bool:
    """``ansibel_host`` as well, but not a name that begins otherwise."""
    return name.startswith(_PREFIX) or bool(nearest(name.partition("_")[0], ["ansible"]))
