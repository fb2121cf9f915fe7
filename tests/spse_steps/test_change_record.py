"""What the step runner did, on record: states that it wrote, by the command that its role calls."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.change_runs import SETTINGS
from tests.cli.commands import Ended
from tests.cli.spsehost import run_here
from tests.spse_steps.site import PASSWORD, Site


class Register:
    """The register of a server of its own."""

    def __init__(self, folder: Path, site: Site) -> None:
        self._env = {"LPSE_OPS_STATE": str(folder / "state")}
        self._settings = folder / "lpse-ops.yml"
        self._settings.write_text(SETTINGS)
        self._state = site.state_folder / "state.json"

    @property
    def _common(self) -> tuple[str | Path, ...]:
        return ("--settings", self._settings, "--format", "json")

    def change(self, *args: str | Path) -> Ended:
        ended = run_here("spse", "change", *args, *self._common, environment=self._env)
        assert ended.code == 0, ended.stderr
        assert PASSWORD not in ended.stdout + ended.stderr
        return ended

    def record(self, *args: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.change("record", "--state", self._state, *args).json()
        return answer

    def runs(self, change_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.change("show", change_id).json()["runs"]
        return found


@pytest.fixture
def register(tmp_path: Path, site: Site) -> Register:
    return Register(tmp_path, site)


def test_an_upgrade_that_is_cut_off_done_and_taken_back_is_one_change(site, capsys, register):
    register.change("request", "upgrade", "--reason", "SPSE 4.5 dari LKPP")
    plan = site.write_plan(site.plan())
    assert site.call_and_kill(30, "run", plan)
    cut_off = register.record("--performed-by", "Sari Contoh")
    assert (cut_off["result"], cut_off["kind"], cut_off["changed"]) == (
        "interrupted",
        "upgrade",
        True,
    )
    assert cut_off["downtime_seconds"] is None
    assert site.call(capsys, "resume").code == 0
    done = register.record("--performed-by", "Sari Contoh")
    assert (done["result"], done["id"], done["changed"]) == ("done", cut_off["id"], True)
    assert done["backup_snapshot"] == "4f0c1b2c4f0c1b2c"
    assert register.record("--performed-by", "Sari Contoh")["changed"] is False
    assert site.call(capsys, "rollback", "--accept-lost-writes", "salah versi").code == 0
    back = register.record("--kind", "rollback", "--reason", "salah versi")
    assert (back["result"], back["kind"], back["id"]) == ("done", "rollback", cut_off["id"])
    assert register.record("--reason", "salah versi")["changed"] is False
    first, second, third = register.runs(cut_off["id"])
    assert {first["stamp"], second["stamp"], third["stamp"]} == {cut_off["stamp"]}
    assert first["reason"] == second["reason"] == "SPSE 4.5 dari LKPP"
    assert second["performed_by"] == ["Sari Contoh"]
    assert second["from_version"] == "4.4"
    assert [step["status"] for step in second["steps"]] == ["ok"] * 11
    assert second["tests"][0].startswith("SPSE 4.5: OK port: ")
    assert second["downtime"]["ended"] >= second["downtime"]["began"]
    assert [step["name"] for step in third["steps"]][:2] == ["tidy", "let-in"]
    assert third["tests"][0].startswith("SPSE 4.4: OK ")
    assert third["downtime"]["began"] >= second["downtime"]["ended"]


def test_a_failure_that_was_taken_back_says_which_step(site, capsys, register):
    script = site.release("4.5") / "migration.sql"
    script.write_text("SELECT 1/0;\n")
    ended = site.call(capsys, "run", site.write_plan(site.plan()))
    assert ended.code == 6
    answer = register.record("--reason", "latihan")
    assert answer["result"] == "rolled-back"
    assert answer["problem"].startswith("migrate: ")
    (run,) = register.runs(answer["id"])
    steps = {step["name"]: step for step in run["steps"]}
    assert steps["migrate"]["status"] == "failed"
    assert "division by zero" in steps["migrate"]["output"]
    assert steps["stop"]["status"] == "undone"
    assert steps["let-in"]["status"] == "skipped"
    assert run["downtime"]["ended"] is not None
    assert json.dumps(run).count(PASSWORD) == 0
