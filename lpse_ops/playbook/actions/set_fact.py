"""``set_fact``: give a host variables of its own for the rest of the run."""

import keyword
from collections.abc import Mapping
from typing import Any

from lpse_ops.agent.conversions import convert
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS: dict[str, dict[str, Any]] = {"cacheable": {"type": "bool", "default": False}}
ANY_NAME = True

# Words of Jinja, besides those of Python: as a name they would never be read.
_WORDS = frozenset({"true", "false", "none"})


def run(args: Mapping[str, Any], action: ActionContext) -> Result:  # noqa: ARG001
    """The run takes ``ansible_facts`` of this action as variables, not as facts."""
    facts = {name: value for name, value in args.items() if name != "cacheable"}
    if not facts:
        raise ActionFailed(
            "No key/value pairs provided, at least one is required for this action to succeed"
        )
    for name in facts:
        _check_name(name)
    return {
        "ansible_facts": facts,
        "_ansible_facts_cacheable": convert(args.get("cacheable", False), "bool"),
        "changed": False,
    }


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ActionFailed(f"Invalid variable name {str(name)!r} of type {type(name).__name__!r}")
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name) or name in _WORDS:
        raise ActionFailed(
            f"Invalid variable name {name!r}. Variables must start with a letter or underscore "
            "character, contain only letters, numbers and underscores, and be no word of Python"
        )
