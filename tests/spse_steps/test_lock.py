import os

import pytest
from spse_steps.errors import Locked
from spse_steps.lock import Holder, find_holder, hold_lock

HOLDER = Holder(77, "2026-11-22T02:15:00Z", "run")


def test_a_lock_is_held_by_one_and_given_back(tmp_path):
    path = str(tmp_path / "lock")
    assert find_holder(path) is None
    with hold_lock(path, HOLDER) as before:
        assert before is None
        assert find_holder(path) == HOLDER
        with pytest.raises(Locked) as refused, hold_lock(path, HOLDER):
            pytest.fail("held twice")
        assert "run, process 77 since 2026-11-22T02:15:00Z" in refused.value.message
    assert find_holder(path) is None


def test_a_dead_holder_is_noticed(tmp_path):
    path = str(tmp_path / "lock")
    child = os.fork()
    if child == 0:
        with hold_lock(path, HOLDER):
            os._exit(0)
    os.waitpid(child, 0)
    assert find_holder(path) is None
    with hold_lock(path, HOLDER._replace(pid=78)) as before:
        assert before == HOLDER


def test_a_link_is_no_lock(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"\w"), hold_lock(str(tmp_path / "lock"), HOLDER):
        pytest.fail("it followed a link")
    assert not (tmp_path / "elsewhere").exists()


def test_whoever_holds_it_without_saying_so(tmp_path):
    path = str(tmp_path / "lock")
    with hold_lock(path, HOLDER):
        (tmp_path / "lock").write_text("not JSON")
        assert find_holder(path) == Holder(0, "", "")
        with pytest.raises(Locked, match="another"), hold_lock(path, HOLDER):
            pytest.fail("held twice")
