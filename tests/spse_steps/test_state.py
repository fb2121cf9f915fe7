import json

import pytest
from spse_steps.errors import StateError
from spse_steps.state import parse_state, render_state
from spse_steps.steps.catalog import NAMES

from tests.spse_steps.values import state_up_to


def damage(**changes):
    value = json.loads(render_state(state_up_to("migrate", "begun")))
    value.update(changes)
    return json.dumps(value).encode()


def test_what_is_written_is_read():
    state = state_up_to("migrate", "begun", warnings=("a",), calls=({"command": "run"},))
    assert parse_state(render_state(state), NAMES) == state
    assert not state.is_over
    assert state._replace(outcome="rolled-back").is_over


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        damage(format=2),
        damage(steps=[]),
        damage(steps=[{"name": "stop", "status": "gone"}]),
        damage(steps=[{"name": "stop", "notes": []}]),
        damage(steps=[{"name": "stop", "colour": "red"}]),
        damage(direction="up"),
        damage(outcome="well"),
        damage(stamp="x; DROP DATABASE"),
        damage(plan=[]),
        damage(prefix=1),
        damage(colour="red"),
    ],
)
def test_a_damaged_state_is_said_to_be_one(content):
    with pytest.raises(StateError) as refused:
        parse_state(content, NAMES)
    assert "steprunner" in refused.value.hint
