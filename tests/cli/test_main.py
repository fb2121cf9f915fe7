import functools
import io
import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from lpse_ops.cli.commandtree import COMMANDS
from lpse_ops.cli.lazy import Command, load_command
from lpse_ops.cli.main import run
from lpse_ops.cli.wiring import App
from tests.cli.sample_commands import SAMPLE

HEAVY = {
    "boto3", "cryptography", "jsonschema", "psycopg", "pyfastcdc", "rich", "segno",
    "traceback", "yaml", "zstandard",
}  # fmt: skip


def run_sample(*args: str, **environment: str) -> tuple[int, str]:
    """Run a sample command in this process; returns its exit code and what it said."""
    stderr = io.StringIO()
    code = run(args, App(environment=environment, stderr=stderr), SAMPLE)
    return code, stderr.getvalue()


def start_sample(*args: str, **streams) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.cli.sample_commands", *args]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **streams)


def test_what_is_no_command_is_our_bug():
    with pytest.raises(TypeError, match="is no click command"):
        load_command(Command("tests.cli.sample_commands:not_a_command", ""))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("OpsError", 1),
        ("UsageError", 2),
        ("RepositoryError", 1),
        ("RepositoryMissing", 10),
        ("RepositoryLocked", 11),
        ("WrongPassword", 12),
        ("DamagedRepository", 1),
        ("SettingsError", 78),
    ],
)
def test_every_error_has_its_exit_code_a_line_for_each_line_and_a_hint(name, code):
    assert run_sample("raise", name) == (
        code,
        "lpse-ops: error: what is wrong\nlpse-ops: error: and more\nlpse-ops: hint: what to do\n",
    )


@pytest.mark.parametrize(
    ("args", "code"),
    [(("end", "3"), 3), (("end", "0"), 0), (("leave", "4"), 4), (("leave", "0"), 0)],
)
def test_a_command_returns_its_exit_code_or_leaves_with_it(args, code):
    assert run_sample(*args) == (code, "")


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (("nested", "shw"), "no such command 'shw'; did you mean 'show'?", "lpse-ops nested"),
        (("x",), "no such command 'x'", "lpse-ops"),
        (("end", "x"), "invalid value for 'CODE': 'x' is not a valid integer", "lpse-ops end"),
        (("end",), "missing argument 'CODE'", "lpse-ops end"),
        (("nested", "--size", "1MB"), "'1MB' is not a size such as", "lpse-ops nested show"),
        (("nested", "--for", "8"), "'8' is not a duration such as", "lpse-ops nested show"),
    ],
)
def test_a_usage_error_ends_with_2_and_names_the_help(args, message, hint):
    code, said = run_sample(*args)
    assert code == 2
    assert said.startswith("lpse-ops: error: ")
    assert message in said
    assert said.endswith(f"lpse-ops: hint: see `{hint} --help`\n")


def test_what_an_error_names_does_not_reach_the_terminal_as_it_is():
    stderr = io.StringIO()
    code = run(["spse", "inspect", "/x\x1b[2Jx"], App(environment={}, stderr=stderr))
    assert code == 1
    assert stderr.getvalue().startswith(r"lpse-ops: error: cannot read /x\x1b[2Jx: No such file")


def test_another_error_of_click_is_printed_like_ours():
    assert run_sample("click-error") == (1, "lpse-ops: error: no luck\n")


@pytest.mark.parametrize("args", [(), ("--quiet",)])
def test_without_a_command_the_help_is_shown(args):
    code, said = run_sample(*args)
    assert code == 2
    assert "missing command" in said or "Sample commands." in said


def test_our_bug_is_one_line_and_the_log_has_the_rest(tmp_path):
    state = tmp_path / "state"
    code, said = run_sample("crash", LPSE_OPS_STATE=str(state))
    log = state / "lpse-ops.log"
    assert code == 70
    message = f"this is a bug in lpse-ops (ZeroDivisionError); what happened is in {log}"
    assert said == f"lpse-ops: error: {message}\n"
    assert "ZeroDivisionError: secret" in log.read_text()
    assert "lpse-ops crash\nTraceback" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_too_little_memory_is_no_bug(tmp_path):
    code, said = run_sample("hungry", LPSE_OPS_STATE=str(tmp_path))
    assert code == 1
    assert "not enough memory" in said
    assert "lpse-ops: hint: " in said
    assert "free -m" in said
    assert not list(tmp_path.iterdir())


def test_the_log_grows_and_becomes_private(tmp_path):
    log = tmp_path / "lpse-ops.log"
    log.write_text("before\n")
    log.chmod(0o644)
    run_sample("crash", LPSE_OPS_STATE=str(tmp_path))
    assert log.read_text().startswith("before\n")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_without_a_place_for_the_log_the_traceback_is_shown(tmp_path):
    (tmp_path / "file").touch()
    code, said = run_sample("crash", LPSE_OPS_STATE=str(tmp_path / "file"))
    assert code == 70
    assert "Traceback" in said
    assert said.endswith("what happened is in the lines above\n")


def test_a_broken_pipe_that_is_not_our_output_is_a_bug(tmp_path):
    code, said = run_sample("broken-pipe", LPSE_OPS_STATE=str(tmp_path))
    assert code == 70
    assert "(BrokenPipeError)" in said


# Few lines wait in a buffer until the end, many do not.
@pytest.mark.parametrize("lines", ["1", "100000"])
def test_a_reader_that_goes_away_is_no_error(lines):
    reader, writer = os.pipe()
    os.close(reader)
    process = start_sample("talk", lines, stdout=writer)
    os.close(writer)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (141, b"")


# Few lines wait in a buffer until the end, many do not.
@pytest.mark.parametrize("lines", ["1", "100000"])
def test_a_full_disk_under_our_output_is_an_error(lines, tmp_path):
    environment = {**os.environ, "LPSE_OPS_STATE": str(tmp_path)}
    with open("/dev/full", "wb") as full:
        process = start_sample("talk", lines, stdout=full, env=environment)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"Exception ignored" not in said
    assert b"lpse-ops: error: cannot write the output: No space left on device" in said


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_interrupts_with_cleaning_up(tmp_path, number, code):
    cleaned = tmp_path / "cleaned"
    # Whoever runs the tests under nohup has them inherit that SIGHUP is ignored.
    default = functools.partial(signal.signal, number, signal.SIG_DFL)
    process = start_sample("wait", str(cleaned), preexec_fn=default)
    assert process.stderr.readline() == b"ready\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (code, b"lpse-ops: interrupted\n")
    assert cleaned.read_text() == "cleaned up"


def test_a_second_sigterm_does_not_disturb_the_cleaning_up(tmp_path):
    process = start_sample("wait", str(tmp_path / "cleaned"))
    process.stderr.readline()
    process.terminate()
    # The clean-up of the sample takes 0.3 s.
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert (tmp_path / "cleaned").exists()


def test_under_nohup_a_hangup_changes_nothing(tmp_path):
    process = start_sample(
        "wait",
        str(tmp_path / "cleaned"),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_interrupts_a_prompt(number, code):
    process = start_sample("ask", stdin=subprocess.PIPE)
    assert process.stderr.readline() == b"ready\n"
    assert process.stderr.read(4) == b"name"
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == code


def test_a_prompt_without_an_answer_is_an_interruption():
    process = start_sample("ask", stdin=subprocess.DEVNULL)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_the_signal_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    run_sample("end", "0")
    assert signal.getsignal(signal.SIGTERM) is before


def show(capfd, *args: str, **environment: str) -> dict:
    code, said = run_sample(*args, "--format", "json", **environment)
    assert (code, said) == (0, "")
    return json.loads(capfd.readouterr().out)


def test_a_group_runs_its_default_command(capfd):
    shown = show(capfd, "nested")
    assert shown["schema"] == "lpse-ops/show/1"
    assert shown == show(capfd, "nested", "show")


def test_shared_options_reach_the_app_before_and_after_the_command(capfd):
    shown = show(
        capfd, "--settings", "a.yml", "-q", "nested", "--repo", "/r", "-p", "pw", "--no-cache",
        "--size", "2KiB", "--for", "90s",
    )  # fmt: skip
    shown.pop("schema")
    assert shown == {
        "settings": "a.yml",
        "quiet": True,
        "repo": "/r",
        "password_file": "pw",
        "no_cache": True,
        "size": 2048,
        "seconds": 90,
    }
    after = show(capfd, "--settings", "a.yml", "nested", "show", "--settings", "b.yml", "--quiet")
    assert (after["settings"], after["quiet"]) == ("b.yml", True)
    assert (after["repo"], after["password_file"], after["no_cache"]) == (None, None, False)
    assert (after["size"], after["seconds"]) == (5, 3600)


def test_shared_options_come_from_the_environment_too(capfd, monkeypatch):
    monkeypatch.setenv("LPSE_OPS_REPO", "/env")
    monkeypatch.setenv("LPSE_OPS_PASSWORD_FILE", "env.pw")
    shown = show(capfd, "nested")
    assert (shown["repo"], shown["password_file"]) == ("/env", "env.pw")
    assert show(capfd, "nested", "--repo", "/option")["repo"] == "/option"


def lpse_ops(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys\nfrom lpse_ops.cli.main import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "args", [["--help"], ["backup", "--help"], ["backup", "-h"], ["backup", "key", "--help"]]
)
def test_help_imports_nothing_heavy(args):
    code = (
        "import sys\nfrom lpse_ops.cli.main import main\n"
        "try: main()\n"
        "finally: print(*{name.partition('.')[0] for name in sys.modules}, len(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)
    assert done.returncode == 0
    *loaded, count = done.stdout.splitlines()[-1].split()
    assert HEAVY & set(loaded) == set()
    # Python starts with 40 or so; click and what it needs are most of the others.
    assert int(count) < 220


def test_the_help_names_every_command_and_the_default_does_not_hide_it():
    root, backup = lpse_ops("--help"), lpse_ops("backup", "--help")
    assert all(f"  {name} " in root.stdout for name in COMMANDS.commands)
    assert all(f"  {name} " in backup.stdout for name in COMMANDS.commands["backup"].commands)
    assert "Example: lpse-ops backup snapshots" in backup.stdout


def test_a_group_without_a_default_shows_its_help_and_ends_with_2():
    done = lpse_ops("backup", "key")
    assert done.returncode == 2
    assert "recover" in done.stderr
    assert done.stdout == ""


def test_the_version():
    assert lpse_ops("--version").stdout.startswith("lpse-ops 0.")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("lpse-ops ba", ["backup"]),
        ("lpse-ops backup sn", ["snapshots"]),
        ("lpse-ops backup key re", ["remove", "recover"]),
        ("lpse-ops --set", ["--settings"]),
        ("lpse-ops nothing x", []),
    ],
)
def test_the_shell_completes_commands_and_options(words, found):
    done = lpse_ops(
        _LPSE_OPS_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
    )
    assert [line.partition(",")[2] for line in done.stdout.split()] == found


def test_the_installed_command_runs():
    # Beside the interpreter, wherever pip put it.
    program = os.path.join(os.path.dirname(sys.executable), "lpse-ops")
    assert subprocess.run([program, "--version"], stdout=subprocess.DEVNULL).returncode == 0
