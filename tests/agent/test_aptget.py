"""Locks, services that must not start, and lists that do not come."""

import pytest

from lpse_ops.agent.aptget import AptGet, is_locked, name_holder, service_policy, silent
from lpse_ops.agent.aptlists import fetch, is_due
from lpse_ops.agent.commands import Finished
from lpse_ops.agent.context import Failed

WAITED = "Waiting for cache lock: Could not get lock /l. It is held by process 60 (apt-get)...\n"
LOCKED = "E: Could not get lock /l. It is held by process 60 (apt-get)\n"
IN_USE = "E: Unable to acquire the dpkg frontend lock (/l), is another process using it?\n"


def test_who_may_not_is_not_locked_out():
    assert is_locked(Finished(100, "", LOCKED))
    assert is_locked(Finished(100, "", IN_USE))
    assert not is_locked(
        Finished(100, "", "E: Could not open lock file /l (13: Permission denied)")
    )
    assert not is_locked(Finished(0, "", LOCKED))


def test_who_holds_the_lock_is_named_once():
    assert name_holder(Finished(100, WAITED, IN_USE)).stderr == LOCKED + IN_USE
    assert name_holder(Finished(100, WAITED, LOCKED)).stderr == LOCKED
    assert name_holder(Finished(0, WAITED, "")).stderr == ""


class Time:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def programs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_a_lock_is_waited_for_as_long_as_allowed(programs):
    script = f"#!/bin/sh\nprintf x >>{programs}/runs\nprintf '{LOCKED}' >&2\nexit 100\n"
    (programs / "apt-get").write_text(script)
    (programs / "apt-get").chmod(0o755)
    time = Time()
    apt_get = AptGet(lock_timeout=2, sleep=time.sleep, clock=time.clock)
    assert apt_get.run(["apt-get", "update"]).rc == 100
    assert (programs / "runs").read_text() == "xxxxx"
    assert time.now == 2


def test_nothing_asks_a_question(programs):
    (programs / "apt-get").write_text("#!/bin/sh\necho $DEBIAN_FRONTEND $LC_ALL\n")
    (programs / "apt-get").chmod(0o755)
    assert AptGet(lock_timeout=0).run(["apt-get"]).stdout == "noninteractive C.UTF-8\n"


def test_dpkg_finds_the_programs_of_administrators():
    assert silent({"PATH": "/bin:/sbin"})["PATH"] == "/bin:/sbin:/usr/sbin:/usr/local/sbin"


def test_a_policy_of_our_own_goes_away(tmp_path):
    path = tmp_path / "policy-rc.d"
    with service_policy(101, str(path)):
        assert path.read_text() == "#!/bin/sh\nexit 101\n"
        assert path.stat().st_mode & 0o777 == 0o755
    assert list(tmp_path.iterdir()) == []


def test_a_policy_that_was_there_comes_back_even_after_a_failure(tmp_path):
    path = tmp_path / "policy-rc.d"
    path.symlink_to("elsewhere")

    def fail() -> None:
        with service_policy(101, str(path)):
            assert not path.is_symlink()
            raise Failed("no")

    with pytest.raises(Failed, match="no"):
        fail()
    assert path.readlink().name == "elsewhere"
    assert list(tmp_path.iterdir()) == [path]


def test_no_policy_changes_nothing(tmp_path):
    with service_policy(None, str(tmp_path / "policy-rc.d")):
        assert list(tmp_path.iterdir()) == []


BROKEN = Finished(100, "", "W: old\nE: no Release file\n")


def fetched(answers: list[Finished], retries: int) -> tuple[list[str], list[float]]:
    slept: list[float] = []
    left = iter(answers)
    told = fetch(lambda: next(left), retries=retries, longest_seconds=3, sleep=slept.append)
    return told, slept


def test_lists_are_asked_for_again_and_each_time_later():
    partly = Finished(0, "", "W: Failed to fetch x\nW: No Hash entry\nN: no\n")
    told, slept = fetched([BROKEN, BROKEN, BROKEN, partly], 5)
    assert [int(seconds) for seconds in slept] == [1, 2, 3]
    reason = "E: no Release file"
    assert told[0] == f"Failed to update cache after 1 retries due to W: old, {reason}"
    assert told[-1] == "W: Failed to fetch x"
    assert len(told) == 4


def test_lists_that_never_come():
    with pytest.raises(Failed, match="Failed to update apt cache after 2 retries: W: old, E: no"):
        fetched([BROKEN, BROKEN], 2)
    with pytest.raises(Failed, match="after 0 retries: unknown reason"):
        fetched([], 0)


def test_a_lock_is_no_reason_to_try_again():
    forbidden = "E: Could not open lock file /l - open (13: Permission denied)\n"
    for stderr in (LOCKED, forbidden):
        with pytest.raises(Failed, match="Failed to lock apt for exclusive operation: E: Could"):
            fetched([Finished(100, "", stderr)], 5)


def test_lists_are_due_when_they_are_older_than_allowed():
    assert is_due(100, 0, 101)
    assert not is_due(100, 3600, 101)
    assert is_due(0, 3600, 10000)
