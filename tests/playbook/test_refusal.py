"""Arguments of the controller's actions that come to light only when they are evaluated."""

from typing import Any

import pytest

from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.playbook.refusal import refuse_arguments
from lpse_ops.playbook.registry import find_module


def refuse(name: str, args: dict[str, Any]) -> None:
    spec = find_module(name)
    assert spec is not None
    refuse_arguments(name, spec, args)


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("wait_for_connection", {"b": 1, "a": 2}, "Invalid options for wait_for_connection: a,b"),
        ("wait_for_connection", {"timeout": "soon"}, "argument 'timeout' is of type str"),
        ("fail", {"mgs": "x"}, "Invalid options for fail: mgs"),
        (
            "pause",
            {"hours": 1},
            "Unsupported parameters for (pause) module: hours. "
            "Supported parameters include: echo, minutes, prompt, seconds.",
        ),
        ("pause", {"minutes": "soon"}, "argument 'minutes' is of type str"),
        ("pause", {"minutes": 1, "seconds": 1}, "parameters are mutually exclusive"),
        ("assert", {"that": True, "quiet": "rather"}, "argument 'quiet' is of type str"),
        ("assert", {}, "missing required arguments: that"),
        (
            "fetch",
            {"src": "a", "dst": "b"},
            "Unsupported parameters for (fetch) module: dst. "
            "Supported parameters include: dest, fail_on_missing, flat, src, validate_checksum.",
        ),
        # What our own two ends say to each other is not for playbooks.
        ("copy", {"_original_basename": "x"}, "Unsupported parameters for (copy) module: _orig"),
    ],
)
def test_what_an_action_cannot_use_is_refused_in_ansibles_words(
    name: str, args: dict[str, Any], words: str
):
    with pytest.raises(ActionFailed) as refused:
        refuse(name, args)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("pause", {"minutes": "1.5"}),
        ("fetch", {"src": "a", "dest": "b"}),
        # It looks itself, and has words of its own for this.
        ("copy", {"src": "a"}),
        ("script", {"_raw_params": "a b"}),
        ("include_vars", {"_raw_params": "a.yml"}),
        ("set_fact", {"any": 1, "name": 2}),
    ],
)
def test_what_it_can_use_is_not(name: str, args: dict[str, Any]):
    refuse(name, args)
