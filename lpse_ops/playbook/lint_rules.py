"""The traps that ``lpse-ops playbook lint`` looks for, one function each.

A rule takes a task and yields findings.  A new one is a function and its line in ``TASK_RULES``.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from lpse_ops.marked import Map, Text, key_origin, origin_of
from lpse_ops.playbook.actions_table import INCLUDES, is_template
from lpse_ops.playbook.keywords import as_bool, values_of
from lpse_ops.playbook.lint_kinds import conditions
from lpse_ops.playbook.literals import written_number
from lpse_ops.playbook.mode_trap import MODES, Finding, mode_without_zero
from lpse_ops.playbook.model import Task

_FACT = re.compile(
    r"\bansible_(all_ipv[46]_addresses|apparmor|architecture|bios_\w+|cmdline|date_time"
    r"|default_ipv[46]|devices|distribution\w*|dns|domain|env|form_factor|fqdn|hostname|interfaces"
    r"|kernel|kernel_version|local|lsb|machine|machine_id|memfree_mb|memory_mb|memtotal_mb|mounts"
    r"|nodename|os_family|pkg_mgr|processor\w*|product_\w+|python|python_version|selinux"
    r"|service_mgr|swapfree_mb|swaptotal_mb|system|system_vendor|uptime_seconds|user_dir|user_gid"
    r"|user_id|user_shell|user_uid|userspace_bits|virtualization_\w+)\b"
)
_ATTRIBUTE = re.compile(r"hostvars|ansible_facts")


def condition_in_braces(task: Task) -> Iterator[Finding]:
    """``when: "{{ x }}"``: a condition is an expression already."""
    for name, condition in conditions(task):
        if "{{" in condition or "{%" in condition:
            yield Finding(
                origin_of(condition),
                "condition-braces",
                f"{name} is an expression already; braces in it go away in ansible-core 2.23",
                f"write {name} without {{{{ }}}}",
            )


def word_for_bool(task: Task) -> Iterator[Finding]:
    """``set_fact: a=yes``: a bool before 2.19, a text since."""
    if task.action != "set_fact":
        return
    for name, value in task.args.items():
        is_word = isinstance(value, Text) and value.lower() in ("yes", "no", "true", "false")
        if is_word and name != "cacheable":
            yield Finding(
                origin_of(value) or task.origin,
                "text-bool",
                f"{name} is the text {str(value)!r} since ansible-core 2.19, and a bool before",
                f"write {name}: {str(as_bool(value)).lower()} without quotes, in a line of its own",
            )


def fact_as_variable(task: Task) -> Iterator[Finding]:
    """``ansible_os_family``: facts as variables are going away (INJECT_FACTS_AS_VARS)."""
    for text in _texts_of(task):
        found = _FACT.search(text)
        if found and (is_template(text) or _is_condition(task, text)):
            fact = found.group(1)
            yield Finding(
                origin_of(text),
                "fact-variable",
                f"{found.group()} as a variable is deprecated",
                f"write ansible_facts['{fact}']",
            )
            return


def become_user_alone(task: Task) -> Iterator[Finding]:
    """``become_user`` without ``become`` does nothing."""
    keywords = task.keywords
    if "become_user" in keywords.own and keywords.get("become") is None:
        yield Finding(
            keywords.place("become_user"),
            "become-user",
            "become_user alone does nothing",
            "add become: true",
        )


def tags_of_include(task: Task) -> Iterator[Finding]:
    """Tags of an ``include_*`` choose the include only, not what it includes."""
    if task.action in INCLUDES and task.keywords.own.get("tags") and not task.args.get("apply"):
        tags = values_of(task.keywords.own["tags"])
        if {str(each) for each in tags} <= {"always", "never"}:
            return
        yield Finding(
            key_origin(task.keywords.own, "tags"),
            "include-tags",
            f"these tags choose the {task.action} only: its tasks need tags of their own",
            "add apply: {tags: ...}, or use the import",
        )


def surprising_numbers(task: Task) -> Iterator[Finding]:
    """``1.10`` is 1.1, ``010`` is 8 and ``12:30`` is 750 in YAML 1.1."""
    for mapping in (task.args, task.keywords.own.get("vars")):
        if isinstance(mapping, Map):
            yield from numbers_in(mapping, skip=MODES)


def numbers_in(mapping: Map, *, skip: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Numbers of a mapping that YAML reads as other than they look."""
    for name, value in mapping.items():
        if isinstance(value, Map):
            yield from numbers_in(value, skip=skip)
        if isinstance(value, bool) or not isinstance(value, int | float) or name in skip:
            continue
        origin = key_origin(mapping, name)
        written = written_number(origin, str(name))
        if written and _surprises(written):
            yield Finding(
                origin,
                "yaml-number",
                f"{name}: {written} is read as {value}",
                f'write {name}: "{written}" if it is a text',
            )


def _surprises(written: str) -> bool:
    return bool(re.fullmatch(r"0[0-7]+|\d+(:[0-5]?\d)+|\d+\.\d*[1-9]0+", written))


TASK_RULES: tuple[Callable[[Task], Iterator[Finding]], ...] = (
    mode_without_zero,
    condition_in_braces,
    word_for_bool,
    fact_as_variable,
    become_user_alone,
    tags_of_include,
    surprising_numbers,
)


def _is_condition(task: Task, text: Text) -> bool:
    return any(condition is text for _, condition in conditions(task))


def _texts_of(task: Task) -> Iterator[Text]:
    values: list[Any] = [condition for _, condition in conditions(task)]
    values += [task.args, task.keywords.own.get("vars"), task.loop.value if task.loop else None]
    for value in values:
        yield from _texts_in(value)


def _texts_in(value: Any) -> Iterator[Text]:
    if isinstance(value, Text):
        if not _ATTRIBUTE.search(value):
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts_in(each)
