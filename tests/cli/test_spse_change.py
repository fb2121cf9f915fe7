"""``spse change`` as a user meets it: ids, due times, endings, and what is refused."""

import hashlib
import json
import re
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.canonicaljson import parse_canonical
from lpse_ops.cli.change_register import find_waiting, read_register, record_run
from lpse_ops.errors import NothingFound, UsageError
from lpse_ops.ledgercheckpoint import find_checkpoints
from lpse_ops.masking import Masker
from tests.cli.change_runs import SETTINGS, Site
from tests.cli.commands import PROGRAM, clean_environment, lpse_ops
from tests.documents.strangers import convert_to_pdf, parse_strictly, plain, text_of_pdf
from tests.spse.archives import good_tar, write
from tests.spse.samples import FAILED_RUN, RUN, at

UPGRADE = ("request", "upgrade", "--reason", "SPSE 4.5", "--received", "2026-11-18 09:05")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


# -- request -----------------------------------------------------------------------------------


def test_a_request_gets_an_id_and_a_due_time(site):
    ended = site.change(*UPGRADE)
    assert ended.code == 0, ended.stderr
    assert ended.stdout == (
        "recorded   2026-0001\n"
        "due        2026-11-20 16:30 (2 working days from Wed 2026-11-18, SLA category 5)\n"
        "LATE       by 1d 19h\n"
    )
    ledger = site.app().ledger
    (record,) = ledger.records()
    assert record.kind == "change"
    assert record.facts["event"] == "request"
    assert record.facts["due"] == "2026-11-20T16:30:00+08:00"
    assert record.facts["recorded_by"].endswith(" (sudo: sari)")
    assert ledger.checkpoints.newest().size == 1, "it is signed at once"


def test_all_that_the_register_of_an_lpse_asks_for(site):
    told = {
        "source": "LPSE Support 123",
        "applicant": "Sari",
        "contact": "lpse@contoh.go.id",
        "organisation": "LPSE",
        "description": "4.4 ke 4.5",
        "impact": "mati 15 menit",
        "test-plan": "masuk",
        "rollback-plan": "rilis lama",
        "approved-by": "Kepala LPSE",
        "scheduled": "2026-11-25 17:00",
    }
    options = [word for name, text in told.items() for word in (f"--{name}", text)]
    ended = site.change(*UPGRADE, "--emergency", "--on-site", *options, "--format", "json")
    assert ended.json() == {
        "schema": "lpse-ops/spse/change/request/1",
        "id": "2026-0001",
        "kind": "upgrade",
        "on_site": True,
        "state": "waiting",
        "received": "2026-11-18T09:05:00+08:00",
        "due": "2026-11-27T16:30:00+08:00",
        "unknown_years": [],
        "estimated": [],
        "done": None,
        "results": [],
        "reason": "SPSE 4.5",
    }
    register = site.change("show", "2026-0001", "--format", "json").json()["register"]
    assert [name for name, text in register.items() if not text] == [
        "tanggal_berlaku",
        "petugas",
        "hasil_tes",
        "hasil_implementasi",
    ]
    assert register["kategori"] == "Emergency"
    assert register["status"] == "Persetujuan"
    assert register["jadwal"] == "25 November 2026 pukul 17.00 WITA"


def test_without_a_time_it_came_now_and_on_sunday_counts_from_monday(site):
    ended = site.change("request", "install", "--reason", "Server baru")
    assert "due        2026-11-24 16:00 (1 working day from Mon 2026-11-23" in ended.stdout


def test_office_hours_and_late_decrees_of_the_settings_count(site):
    site.write(
        SETTINGS + "workdays:\n"
        "  hours: 08:00-15:00\n"
        "  holidays: [{date: 2026-11-19, name: Hari Jadi}]\n"
        "  time_zone: WIB\n"
    )
    # At 16.05 in Makassar it is 15.05 in Jakarta, and the office is closed.
    ended = site.change(*UPGRADE[:-1], "2026-11-17 16:05")
    assert "due        2026-11-23 16:00 (2 working days from Wed 2026-11-18" in ended.stdout


def test_a_year_without_a_decree_is_said_until_the_settings_have_it(site):
    site.clock.moment = at("11-22 12:00").replace(year=2028, month=5, day=2)
    request = ("request", "install", "--reason", "x")
    assert "NOTE       no decree on holidays and cuti bersama of 2028 is known" in (
        site.change(*request).stdout
    )
    assert "2028-05-03 16:00?" in site.change("list").stdout
    (listed,) = site.change("list", "--format", "json").json()["changes"]
    assert listed["unknown_years"] == [2028]
    site.write(SETTINGS + "workdays: {decreed_years: [2028]}\n")
    assert "no decree" not in site.change("show", "2028-0001").stdout


def test_a_decree_that_moves_the_due_time_shows_what_was_promised(site):
    site.change(*UPGRADE)
    site.write(SETTINGS + "workdays: {holidays: [{date: 2026-11-20, name: Cuti bersama}]}\n")
    shown = site.change("show", "2026-0001").stdout
    assert "due        2026-11-23 16:00" in shown
    assert "NOTE       2026-11-20 16:30 was promised; the calendar has changed" in shown
    assert site.change("list").stdout.splitlines()[1].split()[6:8] == ["-", "waiting"]


@pytest.mark.parametrize(
    ("args", "said", "hint"),
    [
        (("--received", "2026-11-22 12:01"), "is in the future", "timedatectl"),
        (("--received", "1999-01-04 09:00"), "is before SPSE", "correct the time"),
        (("--reason", "  "), "the reason is blank", "--reason TEXT"),
        (
            ("--approved-by", "a", "--refused-by", "b"),
            "it cannot be approved and refused",
            "--refused-by",
        ),
        (("--received", "kemarin"), "'kemarin'", "--help"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_record(site, args, said, hint):
    ended = site.change("request", "upgrade", "--reason", "x", *args)
    assert ended.code == 2
    assert said in ended.stderr
    assert hint in ended.stderr
    assert not (site.folder / "state" / "ledger").exists()


def test_without_settings_nothing_is_counted(tmp_path):
    ended = lpse_ops("spse", "change", "list", cwd=tmp_path)
    assert ended.code == 78
    assert "lpse-ops init DIR" in ended.stderr


def test_secrets_in_what_is_typed_do_not_get_into_the_log(site):
    site.change(*UPGRADE, "--description", "db postgres://epns:s3cret@localhost/epns_prod")
    content = site.app().ledger.file.path.read_text()
    assert "s3cret" not in content
    assert "postgres://epns:********@localhost/epns_prod" in content


def test_requests_at_the_same_time_get_different_ids(site):
    environment = clean_environment() | {"LPSE_OPS_STATE": str(site.folder / "state")}
    argv = [*PROGRAM, "spse", "change", "request", "rollback", "--reason", "x"]
    running = [
        subprocess.Popen(argv, cwd=site.folder, env=environment, stdout=subprocess.DEVNULL)
        for _ in "abcd"
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    found = read_register(site.app())
    assert len(found) == 4
    assert all(len(change.lines) == 1 for change in found.values())


# -- done, list, show --------------------------------------------------------------------------


def test_what_lkpp_did_by_hand_stops_the_clock(site):
    site.change(*UPGRADE)
    ended = site.change(
        *("done", "2026-0001", "--at", "2026-11-20 16:00", "--by", "Tim ITO LKPP"),
        *("--note", "dipasang LKPP", "--test", "login ok"),
    )
    assert ended.code == 0, ended.stderr
    assert ended.stdout.startswith("change     2026-0001 upgrade: in-time, Implementasi\n")
    assert "by Tim ITO LKPP, recorded by" in ended.stdout
    again = site.change("done", "2026-0001")
    assert again.code == 2
    assert "change 2026-0001 is closed already" in again.stderr
    assert "lpse-ops spse change show 2026-0001" in again.stderr


@pytest.mark.parametrize(("result", "state"), [("refused", "ended"), ("withdrawn", "ended")])
def test_what_is_not_done_is_not_late_either(site, result, state):
    site.change(*UPGRADE)
    answer = site.change("done", "2026-0001", "--result", result, "--format", "json").json()
    assert (answer["state"], answer["done"]) == (state, None)


def test_nothing_ends_before_it_was_asked_for_or_in_the_future(site):
    site.change(*UPGRADE)
    early = site.change("done", "2026-0001", "--at", "2026-11-18 09:00")
    assert early.code == 2
    assert "is before the request came, at 2026-11-18 09:05" in early.stderr
    late = site.change("done", "2026-0001", "--at", "2026-11-22 12:30")
    assert late.code == 2
    assert "is in the future" in late.stderr


@pytest.mark.parametrize("kind", ["install", "upgrade", "rollback"])
def test_what_was_refused_is_not_carried_out_until_somebody_agrees(site, kind):
    site.change("request", kind, "--reason", "x", "--refused-by", "Kepala LPSE")
    package = [] if kind == "rollback" else [write(site.folder, good_tar(), "spse-4.5.tar")]
    for chosen in ((), ("--change", "2026-0001")):
        refused = site.spse(kind, *package, "--yes", *chosen)
        assert refused.code == 7
        assert "2026-0001 may not be carried out: Kepala LPSE refused it" in refused.stderr
        assert "lpse-ops spse change amend 2026-0001 --approved-by NAME" in refused.stderr
    if kind == "upgrade":
        assert "what was begun is gone on with" in site.spse(kind, "--resume", "--yes").stderr
    site.change("amend", "2026-0001", "--approved-by", "Kepala LPSE")
    # Now the only thing that is missing is a server.
    agreed = site.spse(kind, *package, "--yes")
    assert (agreed.code, "request    2026-0001" in agreed.stderr) == (5, True), agreed.stderr
    site.change("done", "2026-0001", "--result", "withdrawn")
    closed = site.spse(kind, *package, "--yes", "--change", "2026-0001")
    assert (closed.code, "closed as withdrawn" in closed.stderr) == (7, True)


@pytest.mark.parametrize("command", ["show", "export", "done"])
def test_an_unknown_id_is_exit_code_5(site, command):
    ended = site.change(command, "2026-0009")
    assert ended.code == 5
    assert "there is no change '2026-0009' on record" in ended.stderr
    assert "lpse-ops spse change list" in ended.stderr


def test_the_list_and_what_is_chosen_from_it(site):
    site.change(*UPGRADE)
    site.change("request", "install", "--reason", "Server baru")
    site.change("request", "rollback", "--reason", "kembali")
    site.change("done", "2026-0003")

    def ids(*args: str) -> list[str]:
        return [
            each["id"] for each in site.change("list", *args, "--format", "json").json()["changes"]
        ]

    assert ids() == ["2026-0001", "2026-0002", "2026-0003"]
    assert ids("--open") == ["2026-0001", "2026-0002"]
    assert ids("--kind", "rollback") == ["2026-0003"]
    assert ids("--overdue") == ["2026-0001"]
    assert site.change("list").code == 0
    overdue = site.change("list", "--overdue")
    assert overdue.code == 1
    assert "overdue  SPSE 4.5" in overdue.stdout
    site.change("done", "2026-0001")
    assert site.change("list", "--overdue").code == 0


def test_a_broken_log_is_told(site):
    site.change(*UPGRADE)
    site.change(*UPGRADE)
    path = site.app().ledger.file.path
    path.write_text(path.read_text().replace('"upgrade"', '"delete!"', 1))
    ended = site.change("list")
    assert ended.code == 1
    assert "lpse-ops log verify" in ended.stderr


def test_a_record_of_a_newer_version_is_told_and_stops_nobody(site):
    site.app().ledger.append("change", {"id": "2026-0001", "event": "handover"})
    assert site.change(*UPGRADE).stdout.startswith("recorded   2026-0002\n")
    ended = site.change("list")
    assert ended.code == 0
    assert "line 1 of the ledger is no record of a change: 'handover'" in ended.stderr
    assert "2026-0002" in ended.stdout


# -- runs --------------------------------------------------------------------------------------


def test_runs_are_recorded_under_their_request_and_close_it(site):
    site.change(*UPGRADE)
    app = site.app()
    waiting = find_waiting(app, "upgrade")
    assert waiting == "2026-0001"
    assert find_waiting(app, "install") is None
    record_run(app, FAILED_RUN, change_id=waiting)
    assert find_waiting(app, "upgrade") == waiting
    record_run(app, RUN, change_id=waiting)
    assert find_waiting(app, "upgrade") is None
    change = read_register(app)["2026-0001"]
    assert change.runs == (FAILED_RUN, RUN)
    assert "in-time" in site.change("list").stdout


def test_a_run_that_nobody_asked_for_gets_an_id_and_keeps_no_secret(site):
    app = site.app()
    step = replace(RUN.steps[0], output="geheim-123 seen\npassword=x9y8")
    mask = Masker(lambda: frozenset({"geheim-123"}))
    assert record_run(app, replace(RUN, steps=(step,)), mask=mask) == "2026-0001"
    content = app.ledger.file.path.read_text()
    assert "geheim-123" not in content
    assert "x9y8" not in content
    assert "no-limit" in site.change("list").stdout
    assert record_run(app, RUN) == "2026-0002"
    with pytest.raises(NothingFound):
        record_run(app, RUN, change_id="2026-0007")


def test_of_several_open_requests_none_is_guessed(site):
    site.change(*UPGRADE)
    site.change(*UPGRADE)
    with pytest.raises(UsageError) as caught:
        find_waiting(site.app(), "upgrade")
    assert "2026-0001, 2026-0002" in caught.value.message
    assert "lpse-ops spse change done ID --result withdrawn" in caught.value.hint


# -- export ------------------------------------------------------------------------------------


@pytest.fixture
def upgraded(site) -> Site:
    site.change(*UPGRADE)
    record_run(site.app(), FAILED_RUN, change_id="2026-0001")
    record_run(site.app(), RUN, change_id="2026-0001")
    return site


def test_json_is_canonical_and_does_not_depend_on_the_hour(upgraded):
    assert upgraded.change("export", "2026-0001", "-o", "a.json").stderr == "wrote a.json\n"
    content = (upgraded.folder / "a.json").read_bytes()
    data = parse_canonical(content.removesuffix(b"\n"))
    assert data["schema"] == "lpse-ops/spse/change/1"
    assert data["sla"]["in_time"] is True
    assert data["request"]["kind"] == "upgrade"
    assert [run["result"] for run in data["runs"]] == ["rolled-back", "done"]
    assert data["runs"][1]["package"]["sha256"] == "ab12cd34" * 8
    assert data["runs"][1]["steps"][2]["output"] == "12 tables\nok"
    assert data["done"] is None
    lines = upgraded.app().ledger.file.path.read_bytes().splitlines(keepends=True)
    assert [each["sha256"] for each in data["ledger"]["lines"]] == [
        hashlib.sha256(line).hexdigest() for line in lines
    ]
    upgraded.clock.advance(timedelta(days=40))
    again = upgraded.change("export", "2026-0001")
    assert again.stdout.encode() == content


def test_what_show_says_as_json_is_what_is_exported(upgraded):
    shown = upgraded.change("show", "2026-0001", "--format", "json").json()
    exported = json.loads(upgraded.change("export", "2026-0001").stdout)
    assert shown.pop("state") == "in-time"
    assert shown.pop("schema") == "lpse-ops/spse/change/show/1"
    assert shown == {name: exported[name] for name in exported if name != "schema"}
    upgraded.change("request", "rollback", "--reason", "kembali")
    assert upgraded.change("show", "2026-0002", "--format", "json").json()["sla"] is None


@pytest.mark.xdist_group("libreoffice")
def test_the_page_in_every_format_read_by_strangers(upgraded):
    folder = upgraded.folder
    for name in ("a.pdf", "a.docx", "a.html", "a.txt"):
        ended = upgraded.change(
            *("export", "2026-0001", "-o", name, "--by", "Budi", "--witness", "Sari")
        )
        assert ended.code == 0, ended.stderr
    (folder / "word").mkdir()
    (word,) = convert_to_pdf([folder / "a.docx"], folder / "word")
    html = parse_strictly((folder / "a.html").read_bytes())
    texts = {
        "pdf": text_of_pdf(folder / "a.pdf"),
        "docx": text_of_pdf(word),
        "html": plain("".join(html.words)),
        "txt": plain((folder / "a.txt").read_text()),
    }
    for name, text in texts.items():
        for sentence in (
            "CATATAN PERUBAHAN",
            "Nomor: 2026-0001",
            "Rabu, 18 November 2026 pukul 09.05 WITA",
            "Jumat, 20 November 2026 pukul 16.30 WITA",
            "selesai tepat waktu",
            "Pelaksanaan ke-2: Upgrade SPSE, 20 November 2026",
            "GAGAL (1)",
            "migration: no column x",
            "Contoh, 22 November 2026",
            "NIP 19800101 200501 1 001",
            "Mengetahui,",
        ):
            assert sentence in text, name


def test_the_same_records_give_the_same_bytes_and_the_page_leads_to_the_ledger(upgraded):
    upgraded.change("export", "2026-0001", "-o", "a.html")
    upgraded.clock.advance(timedelta(days=40))
    upgraded.change("export", "2026-0001", "-o", "b.html")
    content = (upgraded.folder / "a.html").read_bytes()
    assert (upgraded.folder / "b.html").read_bytes() == content
    text = " ".join("".join(parse_strictly(content).words).split())
    line = re.search(r"catatan ke-3: ?(lpse-contoh 3(?: [0-9a-f]{8}){8})", text)[1]
    ledger = upgraded.app().ledger
    assert find_checkpoints(line) == [ledger.checkpoints.load(3)]
    # As the page tells a stranger to do.
    command = re.search(r"sed -n 3p ledger\.jsonl \| sha256sum", text)[0]
    done = subprocess.run(command, shell=True, cwd=ledger.folder, capture_output=True, text=True)
    assert done.stdout.split()[0] in text


def test_a_checkpoint_is_made_where_none_covers_the_record(upgraded):
    ledger = upgraded.app().ledger
    for path in ledger.checkpoints.folder.iterdir():
        path.unlink()
    assert upgraded.change("export", "2026-0001", "--format", "txt").code == 0
    assert ledger.checkpoints.sizes() == [3]


@pytest.mark.parametrize(
    ("args", "said", "hint"),
    [
        (("-o", "a.xls"), "a.xls does not say in which format", ".docx"),
        (("-o", "a.txt", "--by", "Tini"), "'Tini' is none of people", "Budi Contoh"),
        (("-o", "a.txt", "--witness", "Sari"), "who carried the change out?", "--by NAME"),
    ],
)
def test_what_cannot_be_written_is_said(upgraded, args, said, hint):
    ended = upgraded.change("export", "2026-0001", *args)
    assert ended.code == 2
    assert said in ended.stderr
    assert hint in ended.stderr
    assert not list(upgraded.folder.glob("a.*"))


# -- amend ---------------------------------------------------------------------------------------


def test_what_was_not_known_when_a_request_came_is_added_later(site):
    site.change(*UPGRADE, "--impact", "mati 15 menit")
    ended = site.change(
        *("amend", "2026-0001", "--approved-by", "Kepala LPSE", "--rollback-plan", "rilis lama"),
        *("--scheduled", "2026-11-25 17:00", "--emergency"),
    )
    assert ended.code == 0, ended.stderr
    shown = ended.stdout.splitlines()
    assert "approval   approved by Kepala LPSE" in shown
    assert "impact     mati 15 menit" in shown
    assert (
        "due        2026-11-20 16:30 (2 working days from Wed 2026-11-18, SLA category 5)" in shown
    )
    register = site.change("show", "2026-0001", "--format", "json").json()["register"]
    assert register["status"] == "Persetujuan"
    assert register["kategori"] == "Emergency"
    assert register["jadwal"] == "25 November 2026 pukul 17.00 WITA"
    events = [record.facts["event"] for record in site.app().ledger.records()]
    assert events == ["request", "request"], "the log keeps both"


def test_an_approval_may_be_taken_back(site):
    site.change(*UPGRADE, "--approved-by", "Kepala LPSE")
    site.change("amend", "2026-0001", "--refused-by", "Sekda")
    register = site.change("show", "2026-0001", "--format", "json").json()["register"]
    assert register["persetujuan"] == "Tidak Setuju (Sekda)"


def test_nothing_to_amend_is_said(site):
    site.change(*UPGRADE)
    ended = site.change("amend", "2026-0001")
    assert ended.code == 2
    assert "spse change amend --help" in ended.stderr


def test_a_closed_change_is_not_amended(site):
    site.change(*UPGRADE)
    site.change("done", "2026-0001", "--result", "withdrawn")
    ended = site.change("amend", "2026-0001", "--impact", "x")
    assert ended.code == 2
    assert "change 2026-0001 is closed already" in ended.stderr


def test_a_run_that_nobody_asked_for_has_no_request_to_amend(site):
    record_run(site.app(), RUN)
    ended = site.change("amend", "2026-0001", "--impact", "x")
    assert ended.code == 2
    assert "spse change request" in ended.stderr
