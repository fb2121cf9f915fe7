"""The agent's files run on Python 3.6: by their grammar, and by what they import and call."""

import ast
import sys
from pathlib import Path

import pytest

import lpse_ops.agent

FOLDER = Path(lpse_ops.agent.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
# Module -> names that came after 3.6; an empty list bans the whole module.
NEWER = {
    "__future__": ["annotations"],
    "dataclasses": [],
    "contextvars": [],
    "graphlib": [],
    "importlib": ["metadata", "resources"],
    "tomllib": [],
    "zoneinfo": [],
    "contextlib": ["nullcontext", "AsyncExitStack", "asynccontextmanager", "aclosing", "chdir"],
    "functools": ["cache", "cached_property", "singledispatchmethod"],
    "math": ["prod", "dist", "comb", "perm", "isqrt"],
    "os": ["memfd_create", "waitstatus_to_exitcode", "posix_spawn", "posix_spawnp", "preadv"],
    "shlex": ["join"],
    "time": ["time_ns", "monotonic_ns", "perf_counter_ns", "thread_time"],
    "typing": ["Final", "Literal", "Protocol", "TypedDict", "Annotated", "ForwardRef", "Self"],
}
NEWER_METHODS = {"removeprefix", "removesuffix", "is_relative_to", "isascii", "fromisoformat"}
NEWER_ARGUMENTS = {
    "capture_output",
    "text",
    "missing_ok",
    "usedforsecurity",
    "dirs_exist_ok",
    "umask",
}


def parse(path):
    return ast.parse(path.read_text(), str(path), feature_version=(3, 6))


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def tree(request):
    return parse(request.param)


def imported(tree):
    """Module and name of everything imported; the name is empty for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def test_nothing_is_imported_that_a_bare_python_lacks(tree):
    for module, name in imported(tree):
        top = module.partition(".")[0]
        assert top in sys.stdlib_module_names or f"{module}.".startswith("lpse_ops.agent."), module
        banned = NEWER.get(module)
        assert banned is None or name not in banned, f"{module}.{name}"
        assert banned != [], module


def test_no_name_is_newer_than_36(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert node.attr not in NEWER_METHODS, f"line {node.lineno}: {node.attr}"
            if isinstance(node.value, ast.Name):
                assert node.attr not in NEWER.get(node.value.id, []), f"line {node.lineno}"


def test_no_argument_is_newer_than_36(tree):
    """Of calls that go outside: a name of ours may be what it likes."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            names = {keyword.arg for keyword in call.keywords}
            assert not names & NEWER_ARGUMENTS, f"line {call.lineno}"


@pytest.mark.parametrize("source", ["if (a := 1): pass", "def f(a, /): pass"])
def test_newer_grammar_is_seen(source):
    with pytest.raises(SyntaxError):
        ast.parse(source, feature_version=(3, 6))


def test_no_string_shows_its_own_expression(tree):
    """The parser takes f"{x=}" for every version; it leaves a text that ends in = before it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for text, value in zip(node.values, node.values[1:], strict=False):
                if isinstance(text, ast.Constant) and isinstance(value, ast.FormattedValue):
                    written = f"{ast.unparse(value.value)}="
                    assert not str(text.value).endswith(written), f"line {node.lineno}"
