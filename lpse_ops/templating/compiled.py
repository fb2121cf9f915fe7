"""Compiled templates and expressions, kept by their source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import FileSystemLoader

from lpse_ops.templating.contexts import NoNames, ScopeTemplate
from lpse_ops.templating.environment import (
    AnsibleEnvironment,
    Syntax,
    compile_condition,
    compile_expression,
    compile_template,
)
from lpse_ops.templating.simple import SimpleTemplate, parse_name, parse_simple

# A site has some thousands of templates; more than this are made by a loop.
_MOST = 20_000

Template = TypeVar("Template")
Prepare = Callable[[AnsibleEnvironment], None]
Functions = dict[str, list[str]]
Folders = tuple[Path, ...]


class Compiler:
    """Compiles each source once; ``prepare`` fills a new environment with filters and tests.

    Threads may share it: at worst two of them compile the same source.
    """

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._environments: dict[tuple[Syntax, Folders], AnsibleEnvironment] = {}
        self._templates: dict[str, SimpleTemplate | ScopeTemplate] = {}
        self._expressions: dict[str, SimpleTemplate | ScopeTemplate] = {}
        self._conditions: dict[str, SimpleTemplate | ScopeTemplate] = {}
        self._files: dict[AnsibleEnvironment, dict[str, ScopeTemplate]] = {}
        self._strings = self._new(Syntax(), in_yaml=True)
        self._bare = self.environment(Syntax())

    def environment(self, syntax: Syntax, folders: Folders = ()) -> AnsibleEnvironment:
        """The environment of template files; ``folders`` are where include and import look."""
        known = self._environments.get((syntax, folders))
        if known is None:
            loader = FileSystemLoader(folders) if folders else None
            known = self._new(syntax, in_yaml=False, loader=loader)
            self._environments[syntax, folders] = known
        return known

    def _new(self, syntax: Syntax, *, in_yaml: bool, loader: Any = None) -> AnsibleEnvironment:
        environment = AnsibleEnvironment(syntax, in_yaml=in_yaml, no_names=NoNames(), loader=loader)
        self._prepare(environment)
        return environment

    def template(self, source: str) -> SimpleTemplate | ScopeTemplate:
        known = self._templates.get(source)
        if known is None:
            text = str(source)
            known = parse_simple(self._strings, text) or compile_template(self._strings, text)
            _keep(self._templates, text, known)
        return known

    def expression(self, source: str) -> SimpleTemplate | ScopeTemplate:
        known = self._expressions.get(source)
        if known is None:
            text = str(source)
            known = parse_name(self._bare, text) or compile_expression(self._bare, text)
            _keep(self._expressions, text, known)
        return known

    def condition(self, source: str) -> SimpleTemplate | ScopeTemplate:
        """An expression of which each string may be a template itself."""
        known = self._conditions.get(source)
        if known is None:
            text = str(source)
            known = parse_name(self._bare, text) or compile_condition(self._bare, text)
            _keep(self._conditions, text, known)
        return known

    def file(self, environment: AnsibleEnvironment, source: str) -> ScopeTemplate:
        """A template file; ``environment`` is one of this compiler."""
        kept = self._files.setdefault(environment, {})
        known = kept.get(source)
        return known or _keep(kept, source, compile_template(environment, source))

    def names(self) -> Functions:
        """The filters and the tests there are, by their short names."""
        kinds = {"filter": self._strings.filters, "test": self._strings.tests}
        return {
            kind: sorted(name for name in functions if name.replace("_", "").isalnum())
            for kind, functions in kinds.items()
        }


def _keep(kept: dict[str, Template], source: str, template: Template) -> Template:
    if len(kept) >= _MOST:
        kept.clear()
    kept[str(source)] = template
    return template
