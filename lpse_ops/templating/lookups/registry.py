"""All lookups by name."""

from typing import Any

from lpse_ops.templating.lookups import contents, lists, outside, passwords, records, variables
from lpse_ops.templating.lookups.call import Lookup, LookupCall, LookupProblem
from lpse_ops.templating.scope import Scope

LOOKUPS: dict[str, Lookup] = {
    **contents.LOOKUPS,
    **lists.LOOKUPS,
    **outside.LOOKUPS,
    **passwords.LOOKUPS,
    **records.LOOKUPS,
    **variables.LOOKUPS,
}
_PREFIXES = ("ansible.builtin.", "ansible.legacy.")


def plain_name(name: str) -> str:
    """The name of a lookup without the collection that all of ours are in."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def run_lookup(name: str, terms: list[Any], options: dict[str, Any], scope: Scope) -> list[Any]:
    """What a lookup gives, as a list; LookupProblem or OpsError if it fails."""
    lookup = find_lookup(name)
    return lookup(LookupCall(plain_name(name), terms, options, scope))


def find_lookup(name: str) -> Lookup:
    """The lookup of a name; LookupProblem says what there is."""
    lookup = LOOKUPS.get(plain_name(name))
    if lookup is None:
        raise LookupProblem(
            f"there is no lookup {name!r} here, only {', '.join(sorted(LOOKUPS))}; "
            "with another one, run the playbook under ansible-playbook"
        )
    return lookup
