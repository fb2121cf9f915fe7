"""Templates and expressions of a task, compiled before any host is touched.

Finds what is wrong whatever the variables are: bad syntax, and filters, tests and lookups that
there are not.  What is compiled here is kept for the run.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lpse_ops.errors import TemplateError
from lpse_ops.marked import Origin, Text, every_text, origin_of
from lpse_ops.playbook.actions_table import is_template
from lpse_ops.playbook.keywords import values_of
from lpse_ops.playbook.model import Task
from lpse_ops.playbook.problems import problem_at
from lpse_ops.templating.engine import Templating
from lpse_ops.templating.lookups.registry import LOOKUPS, plain_name

CONDITIONS = ("when", "until", "changed_when", "failed_when")
# Arguments that are expressions without braces.
_EXPRESSIONS = {"assert": ("that",), "debug": ("var",)}
_LOOKUP = re.compile(r"\b(?:lookup|query|q)\(\s*(['\"])([\w.]+)\1")


class Written(NamedTuple):
    """A text of a task; an expression has no braces around it."""

    text: Text
    is_expression: bool


def template_checker(templating: Templating) -> Callable[[Task], None]:
    """What raises PlaybookError for a task with a text that can never be evaluated."""

    def check(task: Task) -> None:
        for written in texts_of(task):
            _check_text(written, templating)

    return check


def _check_text(written: Written, templating: Templating) -> None:
    compiler = templating.compiler
    try:
        # Compiled only: nothing of the text runs.
        (compiler.condition if written.is_expression else compiler.template)(written.text)
    except Exception:
        _explain(written, templating)
    _check_lookups(written.text)


def _explain(written: Written, templating: Templating) -> None:
    """Have the engine say what does not compile; it fails before it runs anything."""
    evaluate = templating.expression if written.is_expression else templating.evaluate
    try:
        evaluate(written.text, {})
    except TemplateError as error:
        place = error.origin if isinstance(error.origin, Origin) else origin_of(written.text)
        problem = error.message.removeprefix(f"{place}: ")
        raise problem_at(place, problem, hint=error.hint) from error


def _check_lookups(text: Text) -> None:
    for found in _LOOKUP.finditer(text):
        if plain_name(found.group(2)) not in LOOKUPS:
            raise problem_at(
                origin_of(text),
                f"there is no lookup {found.group(2)!r}",
                hint=f"lookups: {', '.join(sorted(LOOKUPS))}; or run it under ansible-playbook",
            )


def texts_of(task: Task) -> Iterator[Written]:
    """Every template and expression of a task, but for its variables: they may never be used."""
    for name in CONDITIONS:
        yield from _expressions(task.keywords.own.get(name))
    expressions = _EXPRESSIONS.get(task.action, ())
    for name, value in task.args.items():
        if name in expressions:
            yield from _expressions(value)
        else:
            yield from _templates(value)
    for value in (task.name, task.loop.value if task.loop else None):
        yield from _templates(value)


def _expressions(value: Any) -> Iterator[Written]:
    for each in values_of(value):
        if isinstance(each, Text) and each.strip():
            # Braces around a condition are allowed, if not wanted.
            yield Written(each, is_expression=not is_template(each))


def _templates(value: Any) -> Iterator[Written]:
    for text in every_text(value):
        if is_template(text):
            yield Written(text, is_expression=False)
