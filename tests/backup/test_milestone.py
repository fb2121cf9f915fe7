from datetime import UTC, datetime

import pytest

from lpse_ops.backup.milestone import (
    is_milestone,
    milestone_reason,
    milestone_tags,
    refuse_milestones,
)
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.errors import RepositoryError, UsageError


def tagged(*tags: str) -> Snapshot:
    return Snapshot(datetime(2026, 1, 1, tzinfo=UTC), bytes(32), (), tags=tags, id="5e" * 32)


def test_a_milestone_is_two_tags_and_its_reason_comes_back():
    tags = milestone_tags(" pemeriksaan BPK 2026 ")
    assert tags == ("keep-forever", "keep-forever:pemeriksaan BPK 2026")
    assert milestone_reason(tagged("x", *tags)) == "pemeriksaan BPK 2026"


def test_the_tag_alone_makes_a_milestone_and_the_reason_alone_does_not():
    assert milestone_reason(tagged("keep-forever")) == ""
    assert not is_milestone(tagged("keep-forever:audit"))
    assert milestone_reason(tagged("keep-forever:audit")) is None


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "a\x1b[31m", "a, b"])
def test_a_reason_that_a_tag_cannot_hold_is_refused(reason: str):
    with pytest.raises(UsageError) as refused:
        milestone_tags(reason)
    assert "--keep-forever" in refused.value.hint


def test_who_removes_a_milestone_hears_why_not_and_what_to_type():
    with pytest.raises(RepositoryError, match="5e5e5e5e is kept forever: audit") as refused:
        refuse_milestones([tagged("a"), tagged(*milestone_tags("audit"))])
    assert "backup tag --remove-keep-forever 5e5e5e5e" in refused.value.hint
