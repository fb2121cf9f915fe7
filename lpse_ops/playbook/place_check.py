"""One place of a playbook (a play, role, block or import) judged as a whole."""

from collections.abc import Mapping

from lpse_ops.marked import Map, key_origin, origin_of
from lpse_ops.playbook import keywords as words
from lpse_ops.playbook.actions_table import STRUCTURE, find_action, is_template, short_name
from lpse_ops.playbook.argument_check import check_argument_names
from lpse_ops.playbook.keyword_tables import CHOICES
from lpse_ops.playbook.problems import problem_at, what_there_is
from lpse_ops.playbook.scope import LoadContext


def check_place(own: Map, kinds: Mapping[str, str], where: str, context: LoadContext) -> None:
    """Raise for the first keyword, value, variable or module default that cannot be there."""
    words.check_names(own, kinds, where, context.command)
    words.check_values(own, kinds)
    check_choices(own, context)
    words.check_variables(own.get("vars"), where)
    check_module_defaults(own, context)


def check_choices(own: Map, context: LoadContext) -> None:
    """Raise for a connection, become method, strategy or order that there is not."""
    for name, choices in CHOICES.items():
        value = own.get(name)
        known = not isinstance(value, str) or is_template(value) or short_name(value) in choices
        if not known:
            raise problem_at(
                origin_of(value),
                f"there is no {name} {str(value)!r}",
                hint=what_there_is(str(value), choices, "choices", context.command),
            )


def check_module_defaults(own: Map, context: LoadContext) -> None:
    """Raise for a module or argument in ``module_defaults`` that there is not.

    Groups are of modules that no task can use here, so they change nothing.
    """
    for defaults in words.values_of(own.get("module_defaults")):
        if not isinstance(defaults, Map):
            raise problem_at(
                origin_of(defaults),
                "module_defaults cannot be a template, only its values may",
                hint="write the names of the modules",
            )
        for name in defaults:
            if not str(name).startswith("group/") and short_name(str(name)) not in STRUCTURE:
                _check_defaults_of(name, defaults, context)


def _check_defaults_of(name: str, defaults: Map, context: LoadContext) -> None:
    found = find_action(str(name), context.find_module)
    if found is None:
        raise problem_at(
            key_origin(defaults, name),
            f"there is no module {str(name)!r} to have defaults",
            hint=what_there_is(name, context.module_names(), "modules", context.command),
        )
    if isinstance(defaults[name], Map):
        check_argument_names(*found, defaults[name], context)
