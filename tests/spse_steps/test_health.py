"""The proof by itself, of a release that runs: all checks told, and nothing changed."""

import io
import json
import sys

import pytest

NAMES = ["port", "release", "page local", "memory", "database", "log"]


def look(site, capsys, version="4.4", **changes):
    plan = site.plan(**changes)
    plan["to"] = plan["from"] = site.plan_release(version)
    return site.call(capsys, "health", site.write_plan(plan))


def faults_of(ended):
    return {each["name"]: each["detail"] for each in ended.answer["checks"] if not each["ok"]}


def test_what_is_well_and_what_is_not_is_told_and_nothing_changed(site, capsys, monkeypatch):
    before = site.databases()
    ended = look(site, capsys)
    assert (ended.code, ended.said) == (0, "")
    assert [each["name"] for each in ended.answer["checks"]] == NAMES
    assert ended.answer["healthy"] is True
    # From standard input, and as a person reads it.
    plan = site.plan()
    plan["to"] = site.plan_release("4.4")
    given = io.TextIOWrapper(io.BytesIO(json.dumps(plan).encode()))
    monkeypatch.setattr(sys, "stdin", given)
    shown = site.call(capsys, "--format", "text", "health", "-")
    assert shown.code == 0
    assert "ok     database        epns_steps takes writes" in shown.output
    # The other release is there, and is not the one that runs.
    other = look(site, capsys, "4.5")
    assert other.code == 1
    assert other.answer["healthy"] is False
    assert set(faults_of(other)) == {"release"}
    page = {"name": "local", "url": f"http://127.0.0.1:{site.port}/", "text": "tidak ada"}
    server = {"port": 1, "host": "127.0.0.1"}
    many = look(site, capsys, health={"pages": [page], "most_process_mib": 1}, database=server)
    assert many.code == 1
    assert set(faults_of(many)) == {"page local", "process-memory", "database"}
    site.query("ALTER DATABASE epns_steps SET default_transaction_read_only TO on")
    assert "read-only transaction" in faults_of(look(site, capsys))["database"]
    assert site.databases() == before
    assert site.columns() == ["id", "nama"]
    assert not site.state_folder.exists()


def test_an_error_while_it_started_is_told_without_its_secret_and_a_later_one_is_not(site, capsys):
    log = site.release("4.4") / "logs/spse4.4.log"
    quiet = log.read_text()
    log.write_text("010120 00:00:00 ERROR ~ of another start\n" + quiet)
    late = "311299 23:59:59 ERROR ~ of a request, years later\n"
    log.write_text(log.read_text() + late)
    assert look(site, capsys).code == 0
    log.write_text(quiet + quiet[:16] + "ERROR ~ no plugin password=rahasia123\n" + late)
    ended = look(site, capsys)
    assert ended.code == 1
    assert "tells of 1 errors" in faults_of(ended)["log"]
    assert "rahasia123" not in ended.output
    assert look(site, capsys, health={"ignored_errors": ["no plugin"]}).code == 0


def test_what_does_not_run_is_not_well(site, capsys):
    site.stop()
    ended = look(site, capsys)
    assert ended.code == 1
    assert [each["name"] for each in ended.answer["checks"]] == NAMES
    assert {"port", "release", "page local", "log"} == set(faults_of(ended))


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), (" " * (1 << 21), "larger")])
def test_a_plan_that_is_given_is_checked_too(site_of_session, capsys, monkeypatch, text, words):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    ended = site_of_session.call(capsys, "health", "-")
    assert ended.code == 2
    assert words in ended.said
