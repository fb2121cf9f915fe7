from dataclasses import replace

import pytest

from lpse_ops.spse.change import Change, Downtime
from lpse_ops.spse.changefacts import KIND, next_id, read_changes, read_ids, to_facts
from tests.spse.samples import CLOSING, FAILED_RUN, REQUEST, RUN, at, open_ledger


def test_what_is_written_is_read_back(tmp_path):
    ledger = open_ledger(tmp_path)
    request = replace(REQUEST, on_site=True)
    for event in (request, FAILED_RUN, RUN, CLOSING):
        ledger.append(KIND, to_facts("2026-0001", event))
    records = list(ledger.records(KIND))
    (found,) = read_changes(records, pytest.fail).values()
    assert found == Change("2026-0001", found.lines, request, (FAILED_RUN, RUN), CLOSING)
    assert [(line.seq, line.sha256) for line in found.lines] == [
        (record.seq, record.sha256) for record in records
    ]
    assert found.lines[0].recorded == at("11-20 15:10:00")


def test_what_is_empty_takes_no_room():
    facts = to_facts("2026-0001", CLOSING)
    assert facts == {
        "event": "done",
        "id": "2026-0001",
        "ending": "done",
        "ended": "2026-11-20T15:00:00+08:00",
        "recorded_by": "sari@lpse-1",
        "performed_by": ["Tim ITO LKPP"],
        "note": "dipasang LKPP",
    }
    step = to_facts("2026-0001", RUN)["steps"][3]
    assert step.keys() == {"name", "status", "started", "ended"}
    assert to_facts("2026-0001", RUN)["steps"][0]["exit_status"] == 0


def test_a_correction_counts_and_the_order_is_that_of_the_ledger(tmp_path):
    ledger = open_ledger(tmp_path)
    for change_id, event in (("2026-0002", REQUEST), ("2026-0001", RUN), ("2026-0002", CLOSING)):
        ledger.append(KIND, to_facts(change_id, event))
    ledger.append(KIND, to_facts("2026-0002", REQUEST) | {"reason": "benar"})
    found = read_changes(ledger.records(), pytest.fail)
    assert list(found) == ["2026-0002", "2026-0001"]
    assert found["2026-0002"].request.reason == "benar"
    assert found["2026-0001"].request is None


def test_fields_of_a_newer_version_are_left_alone(tmp_path):
    ledger = open_ledger(tmp_path)
    facts = to_facts("2026-0001", RUN) | {
        "colour": "red",
        "downtime": {"began": at("11-20 14:00:01"), "x": 1},
    }
    ledger.append(KIND, facts)
    (found,) = read_changes(ledger.records(), pytest.fail).values()
    assert found.runs[0].downtime == Downtime(at("11-20 14:00:01"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"event": "party"}, "'party'"),
        ({"event": 3}, "'3' is no text"),
        ({"id": "../../etc"}, "its id is '../../etc'"),
        ({"kind": "delete"}, "'delete' is none of install, upgrade, rollback"),
        ({"started": "2026-11-20T14:00:00"}, "has no time zone"),
        ({"started": "yesterday"}, "yesterday"),
        ({"started": "9999-12-31T00:00:00+08:00"}, "is not of our time"),
        ({"id": 5}, "'5' is no text"),
        ({"server": 5}, "'5' is no text"),
        ({"plan": "all"}, "'all' is no list"),
        ({"steps": ["x"]}, "'x' has no fields"),
        ({"steps": [{"name": "x", "status": "ok", "exit_status": True}]}, "'True' is no number"),
        ({"steps": [{"status": "ok"}]}, "name"),
    ],
)
def test_a_record_that_is_none_is_told_and_hides_no_other(tmp_path, changed, said):
    ledger = open_ledger(tmp_path)
    ledger.append(KIND, to_facts("2026-0001", RUN) | changed)
    ledger.append(KIND, to_facts("2026-0002", RUN))
    told: list[str] = []
    assert list(read_changes(ledger.records(), told.append)) == ["2026-0002"]
    (message,) = told
    assert message.startswith("line 1 of the ledger is no record of a change: ")
    assert said in message
    assert next_id(read_ids(ledger.records()), 2026) == "2026-0003"


@pytest.mark.parametrize(
    "changed",
    [
        {"started": RUN.started.replace(tzinfo=None)},
        {"ended": RUN.ended.replace(year=1970)},
        {"result": "fine"},
        {"server": None},
        {"steps": (replace(RUN.steps[0], status="OK"),)},
        {"downtime": Downtime(RUN.started, RUN.ended.replace(tzinfo=None))},
    ],
)
def test_what_could_not_be_read_back_is_not_written(changed):
    with pytest.raises(ValueError, match=r".+"):
        to_facts("2026-0001", replace(RUN, **changed))


def test_ids_are_numbered_by_the_year():
    assert next_id([], 2026) == "2026-0001"
    taken = ["2026-0001", "2026-0010", "2025-0099", "2026-x"]
    assert next_id(taken, 2026) == "2026-0011"
    assert next_id(["2026-9999"], 2026) == "2026-10000"
