"""What becomes of a step that fails, without an application: its start is a program that fails."""

import json

import pytest
from spse_steps.program import main
from spse_steps.state import render_state

from tests.spse_steps.site import signals_kept
from tests.spse_steps.values import plan_value, state_up_to


@pytest.fixture
def resume(tmp_path, capsys, server):
    for version in ("4.4", "4.5"):
        (tmp_path / "releases" / version).mkdir(parents=True)
    command = {"argv": ["false"], "account": "nobody"}
    plan = plan_value(
        link=str(tmp_path / "spse"),
        maintenance={"flag": str(tmp_path / "www/on.html")},
        application={"account": "nobody", "port": 1, "start": command, "stop": command},
        database={
            "account": "postgres",
            "host": server.socket_folder,
            "port": server.tcp_port,
            "programs": str(server.installation.folder),
        },
        files=[],
    )
    plan["from"]["release"] = str(tmp_path / "releases/4.4")
    plan["to"]["release"] = str(tmp_path / "releases/4.5")

    def run(state):
        path = tmp_path / "state.json"
        path.write_bytes(render_state(state._replace(plan=plan)))
        path.chmod(0o600)
        with signals_kept():
            code = main(["--folder", str(tmp_path), "--format", "json", "resume"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_once_users_were_let_in_a_failure_waits_for_somebody(resume):
    code, answer = resume(state_up_to("let-in", "done"))
    assert (code, answer["phase"], answer["direction"]) == (1, "stuck", "forward")
    assert answer["reason"].startswith("start: false ended with 1")
    assert "--accept-lost-writes" in answer["advice"][-1]
    statuses = {each["name"]: each["status"] for each in answer["steps"]}
    assert (statuses["start"], statuses["migrate"]) == ("failed", "done")


def test_before_that_it_goes_back_and_says_where_it_is_stuck(resume):
    code, answer = resume(state_up_to("prove", "begun"))
    assert (code, answer["phase"], answer["direction"]) == (1, "stuck", "back")
    # There is no server here, so nothing could be migrated, and nothing is to be taken back.
    assert answer["reason"].startswith("switch cannot be taken back")
    assert answer["advice"][-1].startswith("rollback")
