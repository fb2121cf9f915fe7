"""How the line of a script is taken apart."""

import pytest

from lpse_ops.playbook.actions import script
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.playbook.actions.script import split_line
from tests.playbook.actions.localaction import LocalAction


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("s.sh", ("s.sh", "")),
        ("s.sh a  'b c' | wc", ("s.sh", "a  'b c' | wc")),
        ("'my script.sh' --all", ("my script.sh", "--all")),
        ("my\\ script.sh", ("my script.sh", "")),
    ],
)
def test_the_first_word_is_the_script(line, parts):
    assert split_line(line) == parts


@pytest.mark.parametrize("line", ["", "'open"])
def test_a_line_without_a_first_word_is_a_failed_task(line):
    with pytest.raises(ActionFailed):
        split_line(line)


def test_check_mode_runs_nothing(tmp_path):
    (tmp_path / "s.sh").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    action = LocalAction(tmp_path, check_mode=True)
    assert script.run({"_raw_params": "s.sh"}, action)["skipped"]
    assert not (tmp_path / "ran").exists()
    assert action.transferred == 0


def test_a_folder_is_no_script(tmp_path):
    (tmp_path / "s").mkdir()
    with pytest.raises(ActionFailed, match="is a folder"):
        script.run({"cmd": "s"}, LocalAction(tmp_path))
