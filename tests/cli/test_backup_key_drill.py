"""Once a year the recovery sheet is tried; that it was, or failed, stands in the log."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.recovery import RecoverySecret, SheetFacts, render_code, render_sheet
from tests.backup.cheap_repository import ID, KEYS, POLYNOMIAL
from tests.backup.storing import MOMENT, store
from tests.cli.commands import Ended, lpse_ops

SECRET = RecoverySecret(KEYS, ID, POLYNOMIAL)
SHEET = render_sheet(SECRET, SheetFacts("LPSE Contoh", "/mnt/backup/repo", MOMENT))


@pytest.fixture
def stored(repo: Path, docs: Path) -> Path:
    store(repo, docs)
    return repo


def drill(repo: Path, *args: str | Path, stdin: str = "") -> Ended:
    command = ("backup", "key", "drill", "--repo", repo, *args)
    return lpse_ops(*command, stdin=stdin, env=state(repo))


def state(repo: Path) -> dict[str, str]:
    return {"LPSE_OPS_STATE": str(repo.parent / "state"), "LPSE_OPS_SETTINGS": ""}


def logged(repo: Path) -> list[dict]:
    return lpse_ops("log", "show", "--format", "json", env=state(repo)).json()["records"]


def test_the_sheet_is_tried_and_recorded(stored: Path, docs: Path):
    ended = drill(stored, "--by", "Kepala LPSE", "--format", "json", stdin=SHEET)
    assert ended.code == 0, ended.stderr
    answer = ended.json()
    assert (answer["repository_id"], answer["status"]) == (ID, "ok")
    assert answer["path"] in {str(path) for path in docs.iterdir()}
    (record,) = logged(stored)
    assert record["kind"] == "key-drill"
    assert record["facts"] == {
        "repository_id": ID,
        "key": "recovery sheet",
        "status": "ok",
        "by": "Kepala LPSE",
    }
    due = datetime.fromisoformat(answer["due"]) - datetime.fromisoformat(record["time"])
    assert abs(due - timedelta(days=365)) < timedelta(minutes=1)


def test_the_record_is_signed(stored: Path):
    drill(stored, stdin=SHEET)
    verdict = lpse_ops("log", "verify", "--format", "json", env=state(stored)).json()
    assert (verdict["records"], verdict["signed"]) == (1, 1)


def test_no_password_is_needed_and_the_text_says_when_next(stored: Path, tmp_path: Path):
    (tmp_path / "sheet.txt").write_text("\n".join(render_code(SECRET)))
    ended = drill(stored, "--sheet", tmp_path / "sheet.txt")
    assert ended.code == 0, ended.stderr
    assert f"the sheet opens repository {ID[:10]}" in ended.stdout
    assert "due next: " in ended.stdout


def test_nothing_of_the_sheet_is_told(stored: Path):
    ended = drill(stored, stdin=SHEET)
    shown = ended.stdout + ended.stderr + str(logged(stored))
    assert not any(line in shown for line in render_code(SECRET))
    assert KEYS.to_bytes().hex()[:20] not in shown


def test_a_sheet_of_another_repository_fails_and_that_is_recorded(stored: Path):
    other = RecoverySecret(KEYS, "ab" * 32, POLYNOMIAL)
    ended = drill(stored, stdin="\n".join(render_code(other)))
    assert ended.code == 1
    assert "the sheet is of repository ababababab" in ended.stderr
    (record,) = logged(stored)
    assert (record["facts"]["status"], record["facts"]["repository_id"]) == ("failed", "ab" * 32)


def test_a_typo_is_no_failed_drill(stored: Path):
    ended = drill(stored, stdin=SHEET.replace(render_code(SECRET)[2][:4], "XXXX"))
    assert ended.code == 1
    assert "line 3" in ended.stderr
    assert logged(stored) == []


def test_the_interval_of_the_settings_counts(stored: Path, tmp_path: Path):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
        f"backup: {{key_drill_after: 30d, destinations: [{{name: a, location: {stored}}}]}}\n"
    )
    command = ("backup", "key", "drill", "--settings", settings, "--format", "json")
    answer = lpse_ops(*command, stdin=SHEET, env=state(stored))
    assert answer.code == 0, answer.stderr
    left = datetime.fromisoformat(answer.json()["due"]) - datetime.now().astimezone()
    assert timedelta(days=29) < left <= timedelta(days=30)
