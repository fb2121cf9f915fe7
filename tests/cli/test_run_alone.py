"""One run at a time on a machine: also those that a person starts."""

import json
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.cli.run_lock import SHARED, hold_run_lock
from lpse_ops.errors import RepositoryLocked
from lpse_ops.ledger import Ledger
from tests.backup.statuscases import NOW
from tests.cli.commands import Ended, lpse_ops

Run = Callable[..., Ended]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def back_up(tmp_path: Path, state: Path, repo: Path, docs: Path, password: Path) -> Run:
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: A, slug: lpse-a, time_zone: WITA}\n"
        f"backup: {{paths: [{docs}], password_file: {password}, "
        f"destinations: [{{name: here, location: {repo}}}]}}\n"
    )

    def run(*words: str, **environment: str) -> Ended:
        return lpse_ops(
            *("backup", "run", "--settings", settings, *words),
            env={"LPSE_OPS_STATE": str(state), **environment},
        )

    return run


def records(state: Path, kind: str) -> list[dict[str, object]]:
    return [each.facts for each in Ledger(state / "ledger", "lpse-a", datetime.now).records(kind)]


def test_a_run_by_hand_waits_for_nobody_and_says_who_is_at_work(back_up: Run, state: Path) -> None:
    with hold_run_lock(state, "drill", NOW):
        refused = back_up()
        assert refused.code == 11
        assert f"drill ({os.getpid()}) runs since 2026-11-22 08:00:00 +0800" in refused.stderr
        assert "lpse-ops backup run --retry-lock 30m" in refused.stderr
        # Nothing was begun, and looking at what would be stored disturbs nobody.
        assert records(state, "begin") == []
        assert back_up("--dry-run").code == 0
        # Only the very lock of the parent is shared, not any descriptor that is named.
        for lie in ("0", "-1", "9" * 30, "x"):
            assert back_up(**{SHARED: lie}).code == 11
    done = back_up()
    assert (done.code, done.stderr) == (0, "")
    assert (state / "run.lock").read_bytes() == b""


def test_a_run_by_hand_keeps_the_timer_waiting_outside(back_up: Run, state: Path) -> None:
    with hold_run_lock(state, "check", NOW) as lock:
        environment = {SHARED: str(lock.descriptor)}
        with hold_run_lock(state, "backup", NOW, environment=environment) as shared:
            assert shared.descriptor == lock.descriptor
        with pytest.raises(RepositoryLocked), hold_run_lock(state, "backup", NOW):
            pass
        # The child that ended took nothing away.
        assert json.loads((state / "run.lock").read_text())["name"] == "check"


def test_who_has_patience_waits_for_the_other_to_end(back_up: Run, state: Path) -> None:
    held = hold_run_lock(state, "backup", NOW)
    held.__enter__()
    timer = threading.Timer(1.5, held.__exit__, (None, None, None))
    timer.start()
    done = back_up("--retry-lock", "1m")
    timer.join()
    assert done.code == 0, done.stderr
    assert len(records(state, "backup")) == 1


def test_a_run_records_the_one_before_that_was_killed(back_up: Run, state: Path) -> None:
    state.mkdir()
    since = (datetime.now().astimezone() - timedelta(hours=1)).isoformat()
    (state / "run.lock").write_text(json.dumps({"name": "backup", "pid": 1, "since": since}))
    assert back_up().code == 0
    killed, done = records(state, "backup")
    assert (killed["status"], done["status"]) == ("failed", "ok")
    assert "was killed or lost its power" in str(killed["error"])


def test_where_no_lock_can_be_had_the_backup_is_made(back_up: Run, state: Path) -> None:
    state.write_text("a file in its place")
    done = back_up()
    assert done.code == 0, done.stderr
    assert "a second run would not be noticed: cannot open " in done.stderr
