import pytest

from lpse_ops.agent.commands import Finished
from lpse_ops.agent.initscripts import is_enabled, plan_verbs, read_running


@pytest.mark.parametrize(
    ("state", "running", "verbs"),
    [
        ("started", False, ["start"]),
        ("started", True, []),
        ("stopped", True, ["stop"]),
        ("stopped", False, []),
        ("restarted", True, ["stop", "start"]),
        ("restarted", False, ["start"]),
        ("reloaded", True, ["reload"]),
        ("reloaded", False, ["start"]),
    ],
)
def test_words_for_an_init_script(state, running, verbs):
    assert plan_verbs(state, running=running) == verbs


@pytest.mark.parametrize(
    ("finished", "running"),
    [
        (Finished(0, "a is running", ""), True),
        (Finished(3, "", ""), False),
        (Finished(0, "a is not running", ""), False),
        (Finished(0, "", ""), True),
        (Finished(127, "", "usage"), False),
    ],
)
def test_what_an_init_script_says(finished, running):
    assert read_running(finished) is running


def test_enabled_by_a_link(tmp_path):
    (tmp_path / "rc2.d").mkdir()
    (tmp_path / "rc2.d/S01a").touch()
    (tmp_path / "rc2.d/K01b").touch()
    assert is_enabled("a", str(tmp_path))
    assert not is_enabled("b", str(tmp_path))
