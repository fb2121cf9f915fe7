"""Jinja2 set up the way Ansible sets it up: native results, lazy names, markers that travel.

One environment serves all templates of one syntax (``Syntax``) and all threads; what belongs to
one evaluation is in its ``Scope``.
"""

from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import Environment
from jinja2.lexer import TokenStream
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.parser import Parser
from jinja2.runtime import Undefined
from jinja2.utils import missing

from lpse_ops.templating.contexts import Names, ScopeContext, ScopeTemplate
from lpse_ops.templating.embedded import keep_backslashes, resolve_embedded
from lpse_ops.templating.markers import Marker, MarkerUsed
from lpse_ops.templating.natives import join_parts


class Syntax(NamedTuple):
    """What the ``#jinja2:`` header and the template module may change."""

    trim_blocks: bool = True
    lstrip_blocks: bool = False
    newline_sequence: str = "\n"
    keep_trailing_newline: bool = False
    block_start_string: str = "{%"
    block_end_string: str = "%}"
    variable_start_string: str = "{{"
    variable_end_string: str = "}}"
    comment_start_string: str = "{#"
    comment_end_string: str = "#}"
    line_statement_prefix: str | None = None
    line_comment_prefix: str | None = None


class PartsGenerator(NativeCodeGenerator):
    """Yields every expression as the object it is; nothing is worked out when compiling."""

    def _output_child_to_const(
        self,
        node: nodes.Expr,
        frame: Frame,  # noqa: ARG002
        finalize: CodeGenerator._FinalizeInfo,  # noqa: ARG002
    ) -> Any:
        if isinstance(node, nodes.TemplateData):
            return node.data
        # Folding would turn a number into text, and `now()` into one moment.
        raise nodes.Impossible


class AnsibleEnvironment(Environment):
    """Jinja2 with Ansible's settings; filters, tests and globals are filled in by the engine."""

    code_generator_class = PartsGenerator
    context_class = ScopeContext
    template_class = ScopeTemplate
    concat = staticmethod(join_parts)

    def __init__(
        self, syntax: Syntax, *, in_yaml: bool, no_names: Names, loader: Any = None
    ) -> None:
        """``in_yaml``: a backslash in a string between ``{{ }}`` is a backslash."""
        super().__init__(
            undefined=Marker,
            optimized=False,
            autoescape=False,
            # In files, so that the traceback knows the file and the line.
            finalize=None if in_yaml else check_defined,
            cache_size=400,
            auto_reload=False,
            loader=loader,
            **syntax._asdict(),
        )
        self.no_names = no_names
        self._in_yaml = in_yaml

    def _tokenize(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
        state: str | None = None,
    ) -> TokenStream:
        if not self._in_yaml:
            return super()._tokenize(source, name, filename, state)
        tokens = keep_backslashes(self.lexer.tokeniter(source, name, filename, state))
        return TokenStream(self.lexer.wrap(tokens, name, filename), name, filename)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj and attribute not in _DICT_METHODS:
            return obj[attribute]
        if isinstance(obj, Undefined):
            return obj
        if attribute.startswith("_"):
            return self._item(obj, attribute)
        try:
            return getattr(obj, attribute)
        except AttributeError:
            return self._item(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            if isinstance(argument, str) and not argument.startswith("_"):
                value = getattr(obj, argument, missing)
                if value is not missing:
                    return value
            return self.undefined(obj=obj, name=argument)

    def _item(self, obj: Any, attribute: str) -> Any:
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return self.undefined(obj=obj, name=attribute)


_DICT_METHODS = frozenset(dir(dict))


def check_defined(value: Any) -> Any:
    """The value; MarkerUsed if it is undefined."""
    if isinstance(value, Marker):
        raise MarkerUsed(value)
    return value


def compile_template(environment: AnsibleEnvironment, source: str) -> ScopeTemplate:
    """Compile a template; raise jinja2's TemplateSyntaxError or TemplateAssertionError."""
    return _compile(environment, environment.parse(source))


def compile_expression(environment: AnsibleEnvironment, source: str) -> ScopeTemplate:
    """Compile what stands between ``{{`` and ``}}``; its only part is the value."""
    return _compile(environment, _parse_expression(environment, source))


def compile_condition(environment: AnsibleEnvironment, source: str) -> ScopeTemplate:
    """The same for a condition, in which each string may be a template itself."""
    return _compile(environment, _parse_expression(environment, source), everywhere=True)


def _parse_expression(environment: AnsibleEnvironment, source: str) -> nodes.Template:
    parser = Parser(environment, source, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        parser.fail("unexpected text after the expression", parser.stream.current.lineno)
    return nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)


def _compile(
    environment: AnsibleEnvironment, tree: nodes.Template, *, everywhere: bool = False
) -> ScopeTemplate:
    resolve_embedded(tree, everywhere=everywhere)
    tree.set_environment(environment)
    code = environment.compile(tree)
    template = ScopeTemplate.from_code(environment, code, environment.globals)
    assert isinstance(template, ScopeTemplate)  # noqa: S101
    return template
