import json
import subprocess

import pytest

from lpse_ops.inventory.connectionvars import FLAG, KINDS, NUMBER, TEXT, is_unknown_yet
from lpse_ops.marked import Sealed, Text
from tests.inventory.judges import BESIDE_PYTHON

PLUGINS = {
    "connection": ["ssh", "paramiko_ssh", "local", "winrm", "psrp"],
    "become": ["sudo", "su", "runas"],
    "shell": ["sh", "powershell"],
}
EXPECTED = {"bool": {FLAG}, "boolean": {FLAG}, "int": {NUMBER}, "integer": {NUMBER}}


def options_of(kind: str) -> dict[str, str]:
    """Variables of a kind of plugins by their names, each with the type of its value."""
    argv = [BESIDE_PYTHON / "ansible-doc", "-j", "-t", kind, *PLUGINS[kind]]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    docs = [each["doc"]["options"] for each in json.loads(done.stdout).values()]
    return {
        variable["name"]: option.get("type", "str")
        for options in docs
        for option in options.values()
        for variable in option.get("vars", [])
        if variable["name"].startswith("ansible_")
    }


@pytest.mark.parametrize("kind", PLUGINS)
def test_every_variable_of_ansibles_own_plugins_is_known_with_its_kind(kind):
    options = options_of(kind)
    assert options
    assert sorted(options.keys() - KINDS.keys()) == []
    for name, wanted in options.items():
        if wanted in EXPECTED:
            assert KINDS[name] in EXPECTED[wanted] | {"any"}, name


def test_a_name_is_never_known_by_two_kinds_of_mistakes():
    assert set(KINDS.values()) == {FLAG, NUMBER, TEXT, "any"}
    assert all(name.startswith("ansible_") for name in KINDS)


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        (Text("{{ a }}"), True),
        (Text("x{% if a %}y{% endif %}"), True),
        (Sealed("$ANSIBLE_VAULT;1.1;AES256\n00"), True),
        (Text("{ a }"), False),
        (5, False),
        (None, False),
    ],
)
def test_what_only_a_run_can_tell(value, unknown):
    assert is_unknown_yet(value) is unknown
