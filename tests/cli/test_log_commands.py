"""The log as officers and strangers meet it."""

import os
import stat
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from lpse_ops.cli.wiring import App, machine_origin
from lpse_ops.ledger import Ledger
from lpse_ops.ledgerkey import load_public_key
from lpse_ops.ledgerverify import verify_ledger
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.cli.smtpsink import open_sink, text_of
from tests.fakes import FixedClock

ORIGIN = "lpse-contoh"


def moment(days_ago: int) -> datetime:
    now = datetime.now(timezone(timedelta(hours=8)))
    return (now - timedelta(days=days_ago)).replace(microsecond=0)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "lpse-ops.yml"
    path.write_text(f"site: {{name: LPSE Contoh, slug: {ORIGIN}, time_zone: WITA}}\n")
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Backups of three days, up to today, and one drill; signed once, over the first two."""
    clock = FixedClock(moment(2))
    ledger = Ledger(tmp_path / "state" / "ledger", ORIGIN, clock.now)
    facts = {
        "status": "ok",
        "snapshot": "ab" * 32,
        "destinations": {"disk-a": {"status": "written"}},
    }
    ledger.append("backup", facts)
    clock.advance(timedelta(days=1))
    ledger.append("backup", facts)
    ledger.checkpoint()
    clock.advance(timedelta(days=1))
    ledger.append("backup", {**facts, "status": "failed", "error": "disk\nfull"})
    ledger.append("drill", {"status": "ok", "rto_seconds": 61, "problems": []})
    return ledger


def test_what_failed_is_said_before_what_is_long(settings: Path, ledger: Ledger) -> None:
    reason = "cannot reach it " * 20
    destinations = {"disk-a": {"status": "failed", "reason": reason}}
    ledger.append("backup", {"destinations": destinations, "error": "full", "status": "failed"})
    shown = log(settings.parent, "show", "--newest", "1").stdout
    assert "backup  status=failed error=full destinations=disk-a:" in shown


def log(tmp_path: Path, *args: str | Path, **options: object) -> Ended:
    env = {
        "LPSE_OPS_STATE": str(tmp_path / "state"),
        "LPSE_OPS_SETTINGS": str(tmp_path / "lpse-ops.yml"),
    }
    return lpse_ops("log", *args, env=env, **options)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def site(settings: Path) -> None:
    """Every command here is one of the site."""


# -- show --------------------------------------------------------------------------------------


def test_show_lists_the_newest_last(ledger: Ledger, tmp_path: Path):
    ended = log(tmp_path, "show")
    assert ended.code == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["Line", "Time", "Kind", "Facts"]
    assert [line.split()[0] for line in lines[1:-1]] == ["1", "2", "3", "4"]
    assert "status=ok destinations=disk-a:status:written snapshot=abababab" in lines[1]
    assert "error=disk\\nfull" in lines[3]
    assert lines[-1] == "4 records"


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        (("--kind", "backup"), [1, 2, 3]),
        (("--kind", "drill", "--kind", "prune"), [4]),
        (("--newest", "2"), [3, 4]),
        (("--newest", "1", "--kind", "backup"), [3]),
        (("-n", "0"), [1, 2, 3, 4]),
    ],
    ids=["kind", "kinds", "newest", "both", "all"],
)
def test_show_chooses(ledger: Ledger, tmp_path: Path, args: tuple[str, ...], lines: list[int]):
    answer = log(tmp_path, "show", "--format", "json", *args).json()
    assert answer["schema"] == "lpse-ops/log/show/1"
    assert [each["seq"] for each in answer["records"]] == lines


def test_show_since_a_time_of_the_site(ledger: Ledger, tmp_path: Path):
    since = f"{moment(1) - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    answer = log(tmp_path, "show", "--since", since, "--format", "json").json()
    assert [each["seq"] for each in answer["records"]] == [2, 3, 4]
    record = answer["records"][2]
    assert record["facts"] == {"status": "ok", "rto_seconds": 61, "problems": []}
    assert record["sha256"] == list(ledger.records())[3].sha256


def test_show_stops_at_a_broken_line(ledger: Ledger, tmp_path: Path):
    path = ledger.file.path
    path.write_bytes(path.read_bytes().replace(b'"ok"', b'"no"', 1))
    ended = log(tmp_path, "show")
    assert ended.code == 1
    assert f"{path}: line 2 follows another line" in ended.stderr
    assert "lpse-ops log verify" in ended.stderr
    assert ended.stdout == ""


def test_a_backup_that_is_killed_leaves_its_beginning(tmp_path: Path, docs: Path):
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("geheim")
    (tmp_path / "lpse-ops.yml").write_text(
        f"site: {{name: LPSE Contoh, slug: {ORIGIN}, time_zone: WITA}}\n"
        f"backup: {{paths: [{docs}], password_file: {password}, "
        f"destinations: [{{name: a, location: {tmp_path / 'repo'}}}]}}\n"
    )
    environment = clean_environment() | {
        "LPSE_OPS_STATE": str(tmp_path / "state"),
        "LPSE_OPS_SETTINGS": str(tmp_path / "lpse-ops.yml"),
    }
    assert lpse_ops("backup", "init", env=environment).code == 0
    path = tmp_path / "state" / "ledger" / ORIGIN / "ledger.jsonl"
    # It waits for its password until it is killed.
    os.mkfifo(tmp_path / "fifo")
    command = [*PROGRAM, "backup", "run", "--password-file", tmp_path / "fifo"]
    running = subprocess.Popen(command, env=environment, cwd="/")
    while not path.exists() or not path.read_bytes().endswith(b"\n"):
        assert running.poll() is None
        time.sleep(0.001)
    running.kill()
    running.wait()
    ledger = Ledger(tmp_path / "state" / "ledger", ORIGIN, lambda: moment(0))
    later = moment(0) + timedelta(days=1, hours=1)
    told = verify_ledger(ledger, [load_public_key(ledger.key_folder) or ""], [], later)
    assert "line 1: a backup began and its end was never recorded" in told.completeness
    # Who comes next writes down how it ended.
    assert lpse_ops("backup", "run", env=environment).code == 0
    records = log(tmp_path, "show", "--format", "json").json()["records"]
    assert [each["kind"] for each in records] == ["begin", "backup", "begin", "backup"]
    assert [each["facts"]["status"] for each in records[1::2]] == ["failed", "ok"]


def last_line_broken(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"{}\n")


def a_folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def nothing_left_of_it(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [last_line_broken, a_folder_in_its_place, nothing_left_of_it],
    ids=lambda f: f.__name__,
)
def test_a_broken_log_is_told_and_stops_no_backup(
    ledger: Ledger,
    tmp_path: Path,
    repo: Path,
    docs: Path,
    password: Path,
    damage: Callable[[Path], None],
):
    (tmp_path / "lpse-ops.yml").write_text(
        f"site: {{name: LPSE Contoh, slug: {ORIGIN}, time_zone: WITA}}\n"
        f"backup: {{paths: [{docs}], password_file: {password}, "
        f"destinations: [{{name: a, location: {repo}}}]}}\n"
    )
    damage(ledger.file.path)
    ended = lpse_ops(
        *("backup", "run", "--settings", tmp_path / "lpse-ops.yml"),
        env={"LPSE_OPS_STATE": str(tmp_path / "state")},
    )
    assert ended.code == 0, ended.stderr
    assert len(list((repo / "snapshots").iterdir())) == 1
    assert "recorded in the log" in ended.stderr
    assert "bug" not in ended.stderr
    # Whoever signs now would sign away what was changed.
    assert ledger.checkpoints.sizes() == [2]


# -- verify ------------------------------------------------------------------------------------


def test_verify_gives_both_verdicts_and_the_strangers_commands(ledger: Ledger, tmp_path: Path):
    ended = log(tmp_path, "verify")
    assert ended.code == 0, ended.stdout + ended.stderr
    assert "lpse-contoh: 4 records, 1 checkpoints\n" in ended.stdout
    assert "integrity     ok: nothing was changed\n" in ended.stdout
    assert "completeness  ok: nothing is missing\n" in ended.stdout
    assert "signed up to line 2, witnessed by nobody" in ended.stdout
    assert "whose root could have made" in ended.stdout
    command = next(line for line in ended.stdout.splitlines() if "ssh-keygen -Y verify" in line)
    done = subprocess.run(["sh", "-c", command], cwd=ledger.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('Good "lpse-ops-ledger@v1" signature for lpse-contoh')


def test_verify_as_json(ledger: Ledger, tmp_path: Path):
    answer = log(tmp_path, "verify", "--format", "json").json()
    assert answer["schema"] == "lpse-ops/log/verify/1"
    assert (answer["records"], answer["signed"], answer["witnessed"]) == (4, 2, 0)
    assert answer["integrity"] == {"ok": True, "findings": []}
    assert answer["completeness"] == {"ok": True, "findings": []}
    assert answer["commands"][0].startswith("ssh-keygen -Y verify -f allowed_signers -I lpse-con")


def test_verify_fails_and_says_what_is_wrong(ledger: Ledger, tmp_path: Path):
    path = ledger.file.path
    first, *_ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first)
    ended = log(tmp_path, "verify")
    assert ended.code == 1
    assert "integrity     ok" in ended.stdout
    assert "completeness  FAILED\n" in ended.stdout
    assert "  checkpoint 2 counted 2 lines, the log holds 1: 1 at its end" in ended.stdout


def test_verify_with_what_was_kept(ledger: Ledger, tmp_path: Path):
    kept = tmp_path / "mail.txt"
    kept.write_text("Yth. LKPP,\n\n" + log(tmp_path, "checkpoint").stdout)
    good = log(tmp_path, "verify", "--checkpoint", kept)
    assert good.code == 0, good.stdout
    assert "witnessed from elsewhere up to line 4\n" in good.stdout
    for path in (ledger.file.path, *ledger.checkpoints.folder.iterdir()):
        path.unlink()
    assert (
        f"{kept} counted 4 lines, the log holds 0"
        in log(tmp_path, "verify", "--checkpoint", kept).stdout
    )


def test_verify_by_the_keys_that_somebody_else_kept(ledger: Ledger, tmp_path: Path):
    signers = tmp_path / "signers"
    signers.write_bytes((ledger.folder / "allowed_signers").read_bytes())
    assert log(tmp_path, "verify", "--allowed-signers", signers).code == 0
    signers.write_text(signers.read_text().replace(ORIGIN, "lpse-lain"))
    ended = log(tmp_path, "verify", "--allowed-signers", signers)
    assert ended.code == 1
    assert "checkpoint 2: it is signed by a key that is not known" in ended.stdout


def test_a_log_without_a_record_is_not_good(tmp_path: Path):
    ended = log(tmp_path, "verify")
    assert ended.code == 1
    assert "there is no record at all" in ended.stdout
    assert not (tmp_path / "state").exists()


def test_the_strangers_script_runs_without_us(ledger: Ledger, tmp_path: Path):
    script = tmp_path / "check.sh"
    assert log(tmp_path, "verify", "--script", "--output", script).code == 0
    assert len(script.read_text().splitlines()) < 30
    # A copy is checked by somebody else, elsewhere.
    subprocess.run(["cp", "-r", ledger.folder, tmp_path / "copy"], check=True)
    command = ["env", "-i", "PATH=/usr/bin:/bin", "bash", script]
    own = subprocess.run(command, cwd="/", capture_output=True, text=True)
    assert own.returncode == 0, own.stderr
    command.append(tmp_path / "copy")
    done = subprocess.run(command, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the first 2 lines are those that were signed\n")
    copy = tmp_path / "copy" / "ledger.jsonl"
    copy.write_bytes(copy.read_bytes().replace(b'"ok"', b'"no"', 1))
    assert subprocess.run(command, cwd="/", capture_output=True).returncode == 1


# -- checkpoint --------------------------------------------------------------------------------


def test_a_checkpoint_for_mail_and_paper(ledger: Ledger, tmp_path: Path):
    ended = log(tmp_path, "checkpoint", "--qr")
    assert ended.code == 0, ended.stderr
    text = ledger.checkpoints.path(4).read_text()
    assert ended.stdout.startswith(text)
    (made,) = [each for each in ledger.checkpoints.all() if each.size == 4]
    assert f"\n{made.paper()}\n" in ended.stdout
    assert ledger.checkpoints.signature(4) in ended.stdout
    assert (ledger.folder / "allowed_signers").read_text() in ended.stdout
    # Dark on light, as it is printed.
    assert "█▀▀▀▀▀█" in ended.stdout


def test_a_checkpoint_as_json(ledger: Ledger, tmp_path: Path):
    answer = log(tmp_path, "checkpoint", "--format", "json").json()
    assert (answer["origin"], answer["size"]) == (ORIGIN, 4)
    assert answer["text"] == ledger.checkpoints.path(4).read_text()
    assert answer["key"].startswith("ssh-ed25519 AAAA")
    assert len(answer["root"]) == 64


def test_the_qr_code_holds_the_checkpoint(ledger: Ledger, tmp_path: Path):
    """As segno, which others read, makes it from the very text."""
    import segno

    shown = log(tmp_path, "checkpoint", "--qr").stdout
    code = segno.make(ledger.checkpoints.path(4).read_text(), error="m", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=4)]
    drawn = shown.splitlines()[-((len(rows) + 1) // 2) :]
    seen = [[char in part for char in line] for line in drawn for part in ("█▀", "█▄")]
    assert seen[: len(rows)] == [[bool(module) for module in row] for row in rows]


def test_a_mailed_checkpoint_is_a_witness(ledger: Ledger, tmp_path: Path, settings: Path):
    urls = tmp_path / "notify.urls"
    urls.touch(0o600)
    with open_sink() as sink:
        urls.write_text(sink.url)
        settings.write_text(settings.read_text() + "notify: {urls_file: notify.urls}\n")
        ended = log(tmp_path, "checkpoint", "--send")
        [mail] = sink.mails
    assert ended.code == 0, ended.stderr
    assert "1 of 1 took the checkpoint" in ended.stderr
    assert mail["Subject"] == "[lpse-contoh] Sidik jari log sampai catatan ke-4"
    kept = tmp_path / "mail.txt"
    kept.write_text(text_of(mail))
    verified = log(tmp_path, "verify", "--checkpoint", kept)
    assert "witnessed from elsewhere up to line 4" in verified.stdout
    # Nobody is there any more.
    lost = log(tmp_path, "checkpoint", "--send", "--quiet")
    assert lost.code == 1
    assert "not sent: URL 1 (mailto)" in lost.stderr


def test_a_checkpoint_on_a_disk_is_a_witness(
    ledger: Ledger, tmp_path: Path, settings: Path, repo: Path
):
    places = f"[{{name: disk-a, location: {repo}}}, {{name: disk-b, location: {tmp_path / 'b'}}}]"
    settings.write_text(settings.read_text() + f"backup: {{destinations: {places}}}\n")
    ended = log(tmp_path, "checkpoint", "--to", "disk-a", "--to", "disk-b")
    # One that is away is told, and does not keep the others from it.
    assert ended.code == 1
    assert "disk-a has lpse-ops-log/lpse-contoh/4.txt" in ended.stderr
    assert "warning: disk-b did not get the checkpoint" in ended.stderr
    assert not (tmp_path / "b").exists()
    kept = repo / "lpse-ops-log" / ORIGIN / "4.txt"
    verified = log(tmp_path, "verify", "--checkpoint", kept)
    assert "witnessed from elsewhere up to line 4" in verified.stdout
    assert log(tmp_path, "checkpoint", "--to", "disk-a").code == 0


def test_without_addresses_nothing_is_sent(ledger: Ledger, tmp_path: Path):
    ended = log(tmp_path, "checkpoint", "--send")
    assert ended.code == 78
    assert "has no notify.urls_file" in ended.stderr


def test_an_empty_log_has_no_checkpoint(tmp_path: Path):
    ended = log(tmp_path, "checkpoint")
    assert ended.code == 1
    assert "the log of lpse-contoh is empty" in ended.stderr


def test_nothing_is_signed_where_history_was_changed(ledger: Ledger, tmp_path: Path):
    path = ledger.file.path
    path.write_bytes(path.read_bytes().replace(b'"ok"', b'"no"', 1))
    ended = log(tmp_path, "checkpoint")
    assert ended.code == 1
    assert "are no longer those it was made over" in ended.stderr
    assert "nothing was signed" in ended.stderr


def test_output_files_are_written_for_their_owner(ledger: Ledger, tmp_path: Path):
    target = tmp_path / "checkpoint.txt"
    assert log(tmp_path, "checkpoint", "--output", target).code == 0
    assert target.read_text().startswith(f"{ORIGIN}\n4\n")
    assert stat.S_IMODE((ledger.key_folder / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("command", ["show", "verify", "checkpoint"])
def test_who_may_not_read_the_log_is_told(ledger: Ledger, tmp_path: Path, command: str):
    for path in (tmp_path / "state").rglob("*"):
        os.chown(path, 65534, 65534)
    # As root is none who may read everything.
    bare = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    ended = log(tmp_path, command, before=bare)
    assert ended.code == 1
    assert "Permission denied" in ended.stderr
    assert "hint: " in ended.stderr
    assert "bug" not in ended.stderr


# -- which log ---------------------------------------------------------------------------------


def test_the_log_is_the_sites(settings: Path, tmp_path: Path):
    app = App(environment={"LPSE_OPS_STATE": str(tmp_path)}, settings_file=settings)
    assert app.ledger is app.ledger
    record = app.ledger.append("backup", {"status": "ok"})
    assert record.time.utcoffset() == timedelta(hours=8)
    assert (tmp_path / "ledger" / ORIGIN / "ledger.jsonl").exists()


def test_without_settings_it_is_the_machines(tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    shown = lpse_ops(
        *("log", "show", "--format", "json"),
        cwd=empty,
        env={"LPSE_OPS_STATE": str(tmp_path / "other")},
    )
    assert shown.json()["origin"] == machine_origin(os.uname().nodename)


@pytest.mark.parametrize(
    ("name", "origin"),
    [("server-1.lpse.example", "server-1.lpse.example"), ("_a b/é", "a-b--"), ("..", "machine")],
)
def test_a_machines_name_is_made_safe(name: str, origin: str):
    assert machine_origin(name) == origin
