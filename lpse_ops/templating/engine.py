"""The one way from templates and expressions to values: ``Templating``.

Only ``Text`` (what a person wrote) is ever a template; results are plain values, and a result
that looks like a template is text.  One object serves all hosts and threads; compiled templates
are kept by their source.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpse_ops.errors import OpsError
from lpse_ops.marked import Origin, Sealed, Text
from lpse_ops.templating.blame import marker_error, say, template_error
from lpse_ops.templating.compiled import Compiler
from lpse_ops.templating.embedded import is_template
from lpse_ops.templating.environment import Syntax
from lpse_ops.templating.files import FindFile, no_files
from lpse_ops.templating.library import fill_environment
from lpse_ops.templating.markers import OMIT, MarkerUsed, Source, type_name
from lpse_ops.templating.natives import NotAValue, join_text, plain_key, to_plain
from lpse_ops.templating.resolver import Settings, SiteResolver, Warn, source_of
from lpse_ops.templating.scope import Resolved, Scope
from lpse_ops.vault import Vault

_PLAIN = frozenset({str, bool, int, float})


class Templating:
    """Evaluates what a playbook says with the variables of a host."""

    def __init__(
        self,
        *,
        vault: Vault | None = None,
        find_file: FindFile | None = None,
        warn: Warn | None = None,
        settings: Settings | None = None,
        compiler: Compiler | None = None,
    ) -> None:
        """``find_file(folder, name)`` finds files of the site; ``compiler`` may be shared.

        ``warn`` gets what is allowed but should be written differently, each time it is used.
        ``settings`` are Ansible's, by name: ``allow_broken_conditionals`` counts here.
        """
        self.compiler = compiler or Compiler(fill_environment)
        self._vault = vault
        self._warn = warn or _say_nothing
        self._settings: Settings = settings or {}
        self._resolver = SiteResolver(
            self.compiler, vault, find_file or no_files, self._warn, self._settings
        )

    def with_files(self, find_file: FindFile) -> "Templating":
        """The same with files of another place, a role's for instance; shares what is compiled."""
        return Templating(
            vault=self._vault,
            find_file=find_file,
            warn=self._warn,
            settings=self._settings,
            compiler=self.compiler,
        )

    def evaluate(self, value: Any, variables: Mapping[str, Any]) -> Any:
        """The value with every template in it resolved, as plain dicts, lists and scalars.

        Strings that the playbook holds word for word stay ``Text``, so they may be conditions.
        Keys and items whose value is ``omit`` are left out; ``OMIT`` itself is returned when
        that is all there is.  Raises TemplateError (or VaultError) with the place.
        """
        # Most of what is evaluated says nothing, or nothing that needs variables.
        if value is None or type(value) in _PLAIN:
            return value
        return self._evaluate(value, self._scope(variables))

    def condition(self, expression: Any, variables: Mapping[str, Any]) -> bool:
        """Tell whether a condition holds; of a list, all, up to the first that does not."""
        return self._holds(expression, self._scope(variables))

    def expression(self, text: str, variables: Mapping[str, Any]) -> Any:
        """The plain value of a bare expression, without ``{{ }}``.

        The text is trusted: never give one that came from a host.
        """
        scope = self._scope(variables)
        source = source_of(text, is_expression=True)
        return self._finish(self._resolver.express(text, scope), scope, source)

    def lazily(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Variables that resolve in their own scope when a template reads them (``hostvars``)."""
        return Resolved(variables, lambda: self._scope(variables))

    def lookup_list(
        self, name: str, terms: Any, variables: Mapping[str, Any], **options: Any
    ) -> list[Any]:
        """What ``with_NAME: terms`` loops over; the terms are evaluated first."""
        scope = self._scope(variables)
        plain_terms = self._evaluate(terms, scope)
        listed = plain_terms if isinstance(plain_terms, list) else [plain_terms]
        source = Source("", getattr(terms, "origin", None))
        try:
            found = self._resolver.lookup(name, listed, options, scope)
        except OpsError:
            raise
        except Exception as error:
            raise template_error(f"with_{name}: {say(error)}", source) from error
        values: list[Any] = self._finish(found, scope, source)
        return values

    def render(
        self,
        source: str,
        variables: Mapping[str, Any],
        *,
        origin: Origin | None = None,
        folders: Sequence[Path] = (),
        **syntax: Any,
    ) -> str:
        """The text of a template file, as the template module makes it.

        ``origin`` is the file; ``folders`` are where include, import and extends look;
        ``syntax`` may hold the fields of ``Syntax``.  A ``#jinja2:`` header goes before it.
        """
        whole = Source(source, origin, is_file=True)
        scope, chosen = self._scope(variables), Syntax(**syntax)
        return str(self._resolver.render(whole, scope, tuple(folders), chosen, join_text))

    def _scope(self, variables: Mapping[str, Any]) -> Scope:
        return Scope(variables, self._resolver)

    def _evaluate(self, value: Any, scope: Scope) -> Any:
        if isinstance(value, Text):
            if not is_template(value):
                return value
            result = self._resolver.resolve_text(value, scope)
            return self._finish(result, scope, source_of(value, is_expression=False))
        if isinstance(value, Mapping):
            pairs = ((plain_key(key), self._evaluate(each, scope)) for key, each in value.items())
            return {key: each for key, each in pairs if each is not OMIT}
        if isinstance(value, list | tuple):
            return [x for x in (self._evaluate(each, scope) for each in value) if x is not OMIT]
        if isinstance(value, Sealed):
            return self._finish(self._resolver.reveal(value), scope, Source("", value.origin))
        return value

    def _finish(self, result: Any, scope: Scope, source: Source) -> Any:
        """The plain value, or the error that a marker in it stands for."""
        try:
            return to_plain(result)
        except MarkerUsed as used:
            marker = used.marker
            if marker.source is None:
                marker.source = source
            error = marker_error(marker, scope.variables, self._resolver.functions)
            raise error from marker.cause
        except (NotAValue, RecursionError) as error:
            raise template_error(say(error), source) from error

    def _holds(self, expression: Any, scope: Scope) -> bool:
        if expression is None or isinstance(expression, bool):
            return expression is not False
        if isinstance(expression, list | tuple):
            return all(self._holds(each, scope) for each in expression)
        if not isinstance(expression, Text):
            raise template_error(
                f"a condition must be an expression, not a {type_name(expression)!r}"
                + (": untrusted template or expression" if isinstance(expression, str) else ""),
                Source("", getattr(expression, "origin", None)),
                hint="write an expression that is true or false",
            )
        if not expression.strip():
            return self._holds_empty(expression)
        if expression.lstrip().startswith(("{{", "{%")):
            return self._holds_in_braces(expression, scope)
        result = self._resolver.judge(expression, scope)
        if result is True or result is False:
            return result
        return self._refuse(result, expression, scope)

    def _holds_empty(self, expression: Text) -> bool:
        if self._settings.get("allow_broken_conditionals"):
            return True
        raise template_error(
            "Empty conditional expressions are not allowed",
            source_of(expression, is_expression=True),
            hint="write an expression that is true or false",
        )

    def _holds_in_braces(self, expression: Text, scope: Scope) -> bool:
        self._warn(f"{expression.origin}: write a condition without {{{{ }}}}: {expression}")
        stripped = Text(expression.strip(), expression.origin)
        result = self._resolver.resolve_text(stripped, scope)
        if isinstance(result, Text):
            # A variable that holds a condition.
            return self._holds(result, scope)
        if isinstance(result, str):
            raise template_error(
                f"the condition gives an untrusted template or expression: {expression}",
                source_of(expression, is_expression=True),
                hint="write the condition itself, without {{ }}",
            )
        return self._refuse(result, expression, scope)

    def _refuse(self, result: Any, expression: Text, scope: Scope) -> bool:
        """The plain result if it is a bool after all; else raise."""
        source = source_of(expression, is_expression=True)
        value = self._finish(result, scope, source)
        if isinstance(value, bool):
            return value
        if self._settings.get("allow_broken_conditionals"):
            self._warn(f"{expression.origin}: this condition gives a {type_name(value)!r}")
            return bool(value)
        raise template_error(
            f"the condition gives a {type_name(value)!r}, not true or false: {expression}",
            source,
            hint="compare it, or end it with `| length > 0` or `| bool`",
        )


def _say_nothing(_message: str) -> None:
    """Warn nobody."""
