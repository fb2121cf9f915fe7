"""How Jinja finds names: in the template, then in its scope, then among the functions.

Jinja's own contexts copy all variables into one dict first; these ask for each name once.
"""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Protocol

from jinja2.environment import Environment, Template, TemplateModule
from jinja2.exceptions import TemplateRuntimeError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Macro
from jinja2.utils import missing

from lpse_ops.templating.markers import Marker, MarkerUsed


class Names(Protocol):
    """Where a template finds the variables."""

    def find(self, name: str) -> Any:
        """The value of a variable, or ``jinja2.utils.missing``."""

    def without_names(self) -> "Names":
        """The same without variables: for what is imported without context."""


class ScopeContext(Context):
    """Names of one rendering: set in the template, then its scope, then the globals."""

    scope: Names

    def __init__(
        self,
        environment: Environment,
        scope: Names,
        extra: dict[str, Any],
        name: str | None,
        blocks: Mapping[str, Any],
    ) -> None:
        # Not super().__init__: it wants all variables as one dict, which costs what we save.
        self.environment = environment
        self.scope = scope
        self.parent = extra
        self.vars = {}
        self.eval_ctx = EvalContext(environment, name)
        self.exported_vars = set()
        self.name = name
        self.globals_keys = set()
        self.blocks = {each: [block] for each, block in blocks.items()}

    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        value = self.scope.find(key)
        if value is missing:
            return self.environment.globals.get(key, missing)
        return value

    def get_all(self) -> dict[str, Any]:
        return Locals({**self.parent, **self.vars}, self.scope)

    def derived(self, locals: dict[str, Any] | None = None) -> "ScopeContext":  # noqa: A002
        extra = {**self.parent, **self.vars, **_present(locals)}
        context = ScopeContext(self.environment, self.scope, extra, self.name, {})
        context.eval_ctx = self.eval_ctx
        context.blocks.update((key, list(value)) for key, value in self.blocks.items())
        return context

    def call(__self, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(__obj, Macro):
            # A macro may ask whether its arguments are defined.
            return Context.call(__self, __obj, *args, **kwargs)
        for value in (__obj, *args, *kwargs.values()):
            if isinstance(value, Marker):
                return value
        try:
            result = Context.call(__self, __obj, *args, **kwargs)
        except MarkerUsed as used:
            return used.marker
        return list(result) if isinstance(result, _VIEWS) else result


_VIEWS = (KeysView, ValuesView, ItemsView)


class Locals(dict[str, Any]):
    """What an included template inherits: names set in the template, and the scope."""

    def __init__(self, names: dict[str, Any], scope: Names) -> None:
        super().__init__(names)
        self.scope = scope


class NoNames:
    """The scope of a template that is included without context."""

    def find(self, name: str) -> Any:  # noqa: ARG002
        return missing

    def without_names(self) -> "NoNames":
        return self

    @property
    def resolver(self) -> Any:
        raise TemplateRuntimeError("what is included `without context` cannot call a lookup")


class ScopeTemplate(Template):
    """A template whose contexts are ``ScopeContext``."""

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002
        shared: bool = False,  # noqa: ARG002
        locals: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> Context:
        scope = vars.scope if isinstance(vars, Locals) else self.environment.no_names  # type: ignore[attr-defined]
        extra = {**(vars or {}), **_present(locals)}
        return ScopeContext(self.environment, scope, extra, self.name, self.blocks)

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        # Not made once, as Jinja's: its macros would look things up for whoever came first.
        around: Names = getattr(ctx, "scope", self.environment.no_names)  # type: ignore[attr-defined]
        return self.make_module(Locals({}, around.without_names()))

    def parts(self, scope: Names) -> Iterator[Any]:
        """Render with the variables of a scope, one part after the other."""
        context = ScopeContext(self.environment, scope, {}, self.name, self.blocks)
        return self.root_render_func(context)


def _present(names: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (names or {}).items() if value is not missing}
