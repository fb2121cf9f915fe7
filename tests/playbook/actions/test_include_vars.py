"""Wrong arguments of ``include_vars`` are a failed task."""

import pytest

from lpse_ops.playbook.actions import include_vars
from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction


@pytest.mark.parametrize(
    "args",
    [
        {"files_matching": "("},
        {"ignore_files": ["ok", "["]},
        {"ignore_files": {"a": 1}},
        {"extensions": {"a": 1}},
        {"depth": "deep"},
        {"ignore_unknown_extensions": "perhaps"},
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, args):
    (tmp_path / "vars").mkdir()
    with pytest.raises(ActionFailed, match=f"^{next(iter(args))} of include_vars: ") as failed:
        include_vars.run({"dir": "vars", **args}, LocalAction(tmp_path))
    assert failed.value.result["ansible_included_var_files"] == []
