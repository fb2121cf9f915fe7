"""Keywords that are true or false."""

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.playbook.flags import as_flag


@pytest.mark.parametrize("value", [True, "yes", "on", "true", 1, "1"])
def test_yes(value: object):
    assert as_flag("diff", value)


@pytest.mark.parametrize("value", [False, "no", "off", "false", 0, "0"])
def test_no(value: object):
    assert not as_flag("diff", value, default=True)


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_the_default(value: object):
    assert as_flag("diff", value, default=True)
    assert not as_flag("diff", value)


@pytest.mark.parametrize("value", ["yes.", 7, ["yes"]])
def test_what_is_neither_names_the_keyword(value: object):
    with pytest.raises(PlaybookError, match="of diff is neither") as refused:
        as_flag("diff", value)
    assert "diff: true" in refused.value.hint
