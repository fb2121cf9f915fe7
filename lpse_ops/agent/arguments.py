"""Arguments of a module against its table: names, types, choices, defaults and rules among them.

The tables have the keys of Ansible's ``argument_spec`` and the outcome is the one that its
``AnsibleModule`` has.  Used by the agent and by the controller: pure, standard library, Python 3.6.
"""

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set

from lpse_ops.agent.conversions import FALSE_WORDS, TRUE_WORDS, convert

Table = Mapping[str, Mapping[str, Any]]
Rules = Optional[Mapping[str, Any]]
Values = Dict[str, Any]


class ArgumentProblem(Exception):
    """An argument is unknown, missing or not what the module takes; ``msg`` says which."""

    def __init__(self, msg: str) -> None:
        super().__init__(msg)
        self.msg = msg


def check(arguments: Table, rules: Rules, args: Mapping[str, Any]) -> Values:
    """Return the arguments as ``run`` gets them: converted, defaults filled in, absent ones None.

    Raises ``ArgumentProblem`` for the first thing that is wrong, in the order of Ansible.
    """
    checked = _check(arguments, rules or {}, args, ())
    strange = unknown(arguments, args)
    if strange:
        raise ArgumentProblem(
            "Unsupported parameters: {}. Supported parameters include: {}.".format(
                ", ".join(strange), _supported(arguments)
            )
        )
    return checked


def with_environment(
    arguments: Table, args: Mapping[str, Any], environment: Mapping[str, str]
) -> Values:
    """The same, and from the environment what is not among them and may come from there."""
    given = rename_aliases(arguments, args)
    found = {
        name: environment[spec["environment"]]
        for name, spec in arguments.items()
        if "environment" in spec and name not in given and spec["environment"] in environment
    }
    return dict(args, **found)


def unknown(arguments: Table, args: Mapping[str, Any]) -> List[str]:
    """Names of arguments that the module does not have, sorted; those of options as ``a.b``."""
    known = set(arguments) | set(alias_names(arguments))
    strange = [name for name in args if name not in known]
    for name, spec, options in _given_options(arguments, args):
        strange += [f"{name}.{each}" for each in unknown(spec["options"], options)]
    return sorted(set(strange))


def missing(arguments: Table, args: Mapping[str, Any]) -> List[str]:
    """Names of required arguments that are not there, sorted."""
    given = set(rename_aliases(arguments, args))
    return sorted(
        name for name in arguments if arguments[name].get("required") and name not in given
    )


def alias_names(arguments: Table) -> Dict[str, str]:
    """Alias -> the argument's own name."""
    return {alias: name for name, spec in arguments.items() for alias in spec.get("aliases") or ()}


def rename_aliases(arguments: Table, args: Mapping[str, Any]) -> Values:
    """The same arguments under their own names; an alias wins over the name."""
    aliases = alias_names(arguments)
    renamed = {name: value for name, value in args.items() if name not in aliases}
    renamed.update({aliases[name]: value for name, value in args.items() if name in aliases})
    return renamed


def secret_values(arguments: Table, args: Mapping[str, Any]) -> Set[str]:
    """All strings, numbers included, that arguments marked ``no_log`` hold."""
    values = rename_aliases(arguments, args)
    secrets: Set[str] = set()
    for name, spec in arguments.items():
        if spec.get("no_log"):
            secrets.update(_scalars(values.get(name, spec.get("default"))))
    for _, spec, options in _given_options(arguments, args):
        secrets |= secret_values(spec["options"], options)
    return secrets


def _check(arguments: Table, rules: Mapping[str, Any], args: Any, path: Sequence[str]) -> Values:
    values = rename_aliases(arguments, args)
    _check_exclusive(rules.get("mutually_exclusive"), values, path)
    for name, spec in arguments.items():
        if name not in values and spec.get("default") is not None:
            values[name] = spec["default"]
    absent = missing(arguments, values)
    if absent:
        raise _problem("missing required arguments: {}".format(", ".join(absent)), path)
    for name, spec in arguments.items():
        if name in values:
            values[name] = _convert(name, spec, values[name], path)
    for name, spec in arguments.items():
        if name in values and spec.get("choices") is not None:
            values[name] = _choose(name, spec["choices"], values[name], path)
    _check_rules(rules, values, path)
    for name in arguments:
        values.setdefault(name, None)
    for name, spec in arguments.items():
        if spec.get("options") is not None:
            values[name] = _check_options(name, spec, values[name], path)
    return values


def _convert(name: str, spec: Mapping[str, Any], value: Any, path: Sequence[str]) -> Any:
    if value is None and not spec.get("required") and spec.get("default") is None:
        return None
    kind = spec.get("type") or "str"
    try:
        converted = convert(value, kind)
    except ValueError as error:
        text = "argument '{}' is of type {}{} and we were unable to convert to {}: {}"
        found = " found in '{}'.".format(" -> ".join(path)) if path else ""
        raise ArgumentProblem(
            text.format(name, type(value).__name__, found, kind, error)
        ) from error
    if not spec.get("elements"):
        return converted
    return [_convert_element(name, spec["elements"], each, path) for each in converted]


def _convert_element(name: str, kind: str, value: Any, path: Sequence[str]) -> Any:
    try:
        return convert(value, kind)
    except ValueError as error:
        text = (
            "Elements value for option '{}'{} is of type {} and we were unable to convert to {}: {}"
        )
        found = " found in '{}'".format(" -> ".join(path)) if path else ""
        raise ArgumentProblem(
            text.format(name, found, type(value).__name__, kind, error)
        ) from error


def _choose(name: str, choices: Sequence[Any], value: Any, path: Sequence[str]) -> Any:
    listed = ", ".join(str(choice) for choice in choices)
    if isinstance(value, list):
        others = [str(each) for each in value if each not in choices]
        if not others:
            return value
        text = "value of {} must be one or more of: {}. Got no match for: {}"
        raise _problem(text.format(name, listed, ", ".join(others)), path)
    if value in choices:
        return value
    # YAML reads yes and no as booleans, which were made the words True and False by now.
    words = (
        {"True": TRUE_WORDS, "False": FALSE_WORDS}.get(value) if isinstance(value, str) else None
    )
    meant = [choice for choice in choices if words and choice in words]
    if len(meant) == 1:
        return meant[0]
    text = "value of {} must be one of: {}, got: {}"
    raise _problem(text.format(name, listed, value), path)


def _check_options(name: str, spec: Mapping[str, Any], value: Any, path: Sequence[str]) -> Any:
    if value is None and spec.get("apply_defaults"):
        value = {}
    if value is None:
        return None
    inner = [*path, name]
    several = value if isinstance(value, list) else [value]
    for each in several:
        if not isinstance(each, dict):
            raise ArgumentProblem(f"value of '{name}' must be of type dict or list of dicts")
    checked = [_check(spec["options"], spec, each, inner) for each in several]
    return checked if isinstance(value, list) else checked[0]


def _check_exclusive(groups: Any, values: Values, path: Sequence[str]) -> None:
    clashes = [group for group in _groups(groups) if sum(name in values for name in group) > 1]
    if clashes:
        names = ", ".join("|".join(group) for group in clashes)
        raise _problem("parameters are mutually exclusive: " + names, path)


def _check_rules(rules: Mapping[str, Any], values: Values, path: Sequence[str]) -> None:
    for group in _groups(rules.get("required_together")):
        if any(name in values for name in group) and not all(name in values for name in group):
            raise _problem("parameters are required together: " + ", ".join(group), path)
    for group in _groups(rules.get("required_one_of")):
        if not any(name in values for name in group):
            raise _problem("one of the following is required: " + ", ".join(group), path)
    for rule in rules.get("required_if") or ():
        _check_condition(rule, values, path)
    for name, needed in (rules.get("required_by") or {}).items():
        if values.get(name) is not None:
            names = [needed] if isinstance(needed, str) else needed
            absent = [each for each in names if values.get(each) is None]
            if absent:
                text = "missing parameter(s) required by '{}': {}"
                raise _problem(text.format(name, ", ".join(absent)), path)


def _check_condition(rule: Sequence[Any], values: Values, path: Sequence[str]) -> None:
    name, wanted, needed = rule[:3]
    any_of = len(rule) > 3 and rule[3]
    if name not in values or values[name] != wanted:
        return
    absent = [each for each in needed if each not in values]
    if absent and len(absent) >= (len(needed) if any_of else 0):
        text = "{} is {} but {} of the following are missing: {}"
        word = "any" if any_of else "all"
        raise _problem(text.format(name, wanted, word, ", ".join(absent)), path)


def _groups(groups: Any) -> List[List[str]]:
    """Groups of names; one group may be given without its outer list."""
    if not groups:
        return []
    return [list(groups)] if isinstance(groups[0], str) else [list(group) for group in groups]


def _given_options(arguments: Table, args: Mapping[str, Any]) -> Iterator[Any]:
    """Name, table and value of every dict that was given for an argument with ``options``."""
    values = rename_aliases(arguments, args)
    for name, spec in arguments.items():
        if spec.get("options") is not None:
            value = values.get(name)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Mapping):
                    yield name, spec, each


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        for each in value:
            yield from _scalars(each)
    elif isinstance(value, str) and value:
        yield value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


def _supported(arguments: Table) -> str:
    names = ", ".join(sorted(arguments))
    aliases = ", ".join(sorted(alias_names(arguments)))
    return f"{names} ({aliases})" if aliases else names


def _problem(text: str, path: Sequence[str]) -> ArgumentProblem:
    return ArgumentProblem("{} found in {}".format(text, " -> ".join(path)) if path else text)
