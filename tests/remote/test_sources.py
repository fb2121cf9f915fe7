"""Which files an agent gets: judged by Python's own parser, for every file there is."""

import ast
from pathlib import Path

import pytest

import lpse_ops.agent
from lpse_ops.errors import PlaybookError
from lpse_ops.remote.sources import find_imports, has_module, module_sources, sources_of

FOLDER = Path(lpse_ops.agent.__file__).parent
FILES = [path for path in FOLDER.rglob("*.py") if path.name != "__init__.py"]


def parsed_imports(source):
    """All that is imported from the agent, by the parser."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_import_is_missed(path):
    source = path.read_text()
    wanted = {name for name in parsed_imports(source) if name.startswith("lpse_ops.")}
    assert wanted <= set(find_imports(source))


def test_imports_are_found_in_every_form():
    source = """
from lpse_ops.agent import frames, context as c  # and, more
from lpse_ops.agent.files import (
    describe,  # why (so
    write_atomically,
)
import lpse_ops.agent.core
import os
def later():
    from lpse_ops.agent import links
"""
    found = set(find_imports(source))
    assert {f"lpse_ops.agent.{name}" for name in ("frames", "context", "links", "core")} <= found
    assert not [name for name in found if "os" in name.split(".")]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("modules/[a-z]*.py")), ids=lambda p: p.stem)
def test_everything_a_module_imports_travels_with_it(path):
    sources = module_sources(path.stem)
    for source in sources.values():
        for name in parsed_imports(source):
            module = (
                name if (FOLDER.parent.parent / f"{name.replace('.', '/')}.py").exists() else ""
            )
            assert not module or module in sources


def test_the_agent_starts_with_its_core():
    assert {"lpse_ops.agent.core", "lpse_ops.agent.frames"} <= set(
        sources_of("lpse_ops.agent.entry")
    )


@pytest.mark.parametrize("name", ["", "..", "../core", "a b", "ping.py", "nothing_like_it"])
def test_what_is_no_module_is_said(name):
    assert not has_module(name)
    with pytest.raises(PlaybookError, match="there is no module"):
        module_sources(name)
