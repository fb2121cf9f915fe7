"""What a scope asks while a template runs: other templates, secrets, lookups, files.

Whatever goes wrong in a template becomes a marker, so that it is an error only where it is used.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2.exceptions import TemplateSyntaxError

from lpse_ops.errors import VaultError
from lpse_ops.marked import Origin, Revealed, Sealed, Text
from lpse_ops.templating.blame import (
    Functions,
    innermost_template,
    marker_error,
    template_error,
)
from lpse_ops.templating.compiled import Compiler
from lpse_ops.templating.contexts import ScopeTemplate
from lpse_ops.templating.embedded import is_template
from lpse_ops.templating.environment import Syntax
from lpse_ops.templating.files import FindFile
from lpse_ops.templating.header import HeaderProblem, split_header
from lpse_ops.templating.lookups.contents import read_bytes
from lpse_ops.templating.lookups.registry import find_lookup, run_lookup
from lpse_ops.templating.markers import Marker, MarkerUsed, Source
from lpse_ops.templating.natives import join_parts, with_final_newlines
from lpse_ops.templating.scope import Scope
from lpse_ops.templating.simple import SimpleTemplate
from lpse_ops.vault import Vault, is_sealed

Warn = Callable[[str], None]
Settings = Mapping[str, Any]
Join = Callable[[Iterable[Any]], Any]


class SiteResolver:
    """Resolves with what a site has; keeps nothing of one evaluation."""

    def __init__(
        self,
        compiler: Compiler,
        vault: Vault | None,
        find_file: FindFile,
        warn: Warn,
        settings: Settings,
    ) -> None:
        self._compiler = compiler
        self._vault = vault
        self._find_file = find_file
        self.warn = warn
        self.settings = settings

    @property
    def functions(self) -> Functions:
        """The filters and tests there are."""
        return self._compiler.names()

    def resolve_text(self, text: Text, scope: Scope) -> Any:
        if not is_template(text):
            return text
        result = self._run(self._compiler.template, text, scope, is_expression=False)
        if isinstance(result, str) and text.endswith("\n"):
            return with_final_newlines(result, text)
        return result

    def express(self, text: str, scope: Scope) -> Any:
        """The value of a bare expression, or a marker."""
        return self._run(self._compiler.expression, text, scope, is_expression=True)

    def judge(self, text: Text, scope: Scope) -> Any:
        """The same for a condition."""
        return self._run(self._compiler.condition, text, scope, is_expression=True)

    def _run(
        self,
        compile_text: Callable[[str], SimpleTemplate | ScopeTemplate],
        text: str,
        scope: Scope,
        *,
        is_expression: bool,
    ) -> Any:
        key = id(text)
        if key in scope.active:
            return marker_of(RecursionError(), source_of(text, is_expression=is_expression))
        scope.active.add(key)
        template = None
        try:
            template = compile_text(text)
            result = join_parts(template.parts(scope))
        except MarkerUsed as used:
            result = used.marker
        except Exception as error:
            result = marker_of(error, None, line_of(error, template))
        finally:
            scope.active.discard(key)
        if isinstance(result, Marker) and result.source is None:
            result.source = source_of(text, is_expression=is_expression)
        return result

    def reveal(self, sealed: Sealed) -> Any:
        where = sealed.origin or "a value"
        try:
            if self._vault is None:
                raise VaultError(
                    f"{where}: vault-encrypted, and no vault secret was given",
                    hint="give --vault-password-file FILE or --vault-id LABEL@FILE",
                )
            return Revealed(self._vault.reveal(sealed))
        except VaultError as error:
            return Marker(cause=error)

    def check_lookup(self, name: str) -> None:
        find_lookup(name)

    def lookup(self, name: str, terms: list[Any], options: dict[str, Any], scope: Scope) -> Any:
        return run_lookup(name, terms, options, scope)

    def open_content(self, content: bytes, name: str) -> str:
        if self._vault is not None and is_sealed(content):
            content = self._vault.decrypt(content, name)
        return content.decode("utf-8", "surrogateescape")

    def find_file(self, folder: str, name: str) -> Path:
        return self._find_file(folder, name)

    def render_file(
        self, path: Path, folders: tuple[Path, ...], scope: Scope, options: dict[str, Any]
    ) -> Any:
        source = self.open_content(read_bytes(path), str(path))
        whole = Source(source, Origin(str(path)), is_file=True)
        result = self.render(whole, scope, folders, Syntax(**options), join_parts)
        return with_final_newlines(result, source) if isinstance(result, str) else result

    def render(
        self, whole: Source, scope: Scope, folders: tuple[Path, ...], syntax: Syntax, join: Join
    ) -> Any:
        """What a template file gives; its errors are raised."""
        template, skipped = None, 0
        try:
            headed = split_header(whole.text, syntax)
            skipped = headed.lines
            environment = self._compiler.environment(headed.syntax, folders)
            template = self._compiler.file(environment, headed.source)
            return join(template.parts(scope))
        except HeaderProblem as error:
            raise template_error(str(error), whole, line=1) from error
        except Exception as error:
            marker = error.marker if isinstance(error, MarkerUsed) else Marker(cause=error)
            if marker.source is None:
                marker.source, marker.line = self._blamed(error, template, whole, skipped)
            raise marker_error(marker, scope.variables, self.functions) from error

    def _blamed(
        self, error: Exception, template: ScopeTemplate | None, whole: Source, skipped: int
    ) -> tuple[Source, int]:
        """The file that was running, which may be an included one, and the line in it."""
        if isinstance(error, TemplateSyntaxError):
            inner, line = error.filename, error.lineno
        else:
            running, line = innermost_template(error.__traceback__)
            inner = running.filename if running is not template and running else None
        path = Path(inner or "<template>")
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            return Source(text, Origin(str(path)), is_file=True), line
        return whole, line + skipped if line else 0


def marker_of(cause: Exception, source: Source | None, line: int = 0) -> Marker:
    """The marker of a failure."""
    marker = Marker(cause=cause)
    marker.source, marker.line = source, line
    return marker


def source_of(text: str, *, is_expression: bool) -> Source:
    return Source(text, getattr(text, "origin", None), is_expression=is_expression)


def line_of(error: Exception, template: SimpleTemplate | ScopeTemplate | None) -> int:
    """The line of a template in YAML at which something was raised; 0 if it is not known."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    running, line = innermost_template(error.__traceback__)
    return line if running is template else 0
