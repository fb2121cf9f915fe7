"""How an agent comes to life: shells that talk, interpreters that are missing or too old."""

import os
import re
import subprocess
import sys

import pytest

from lpse_ops.errors import HostUnreachable, InterpreterMissing
from lpse_ops.remote.bootstrap import (
    MAX_PAYLOAD_BYTES,
    STUB,
    explain_silence,
    greet,
    new_magic,
    payload,
    render_command,
    send_agent,
)
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.local import start_program
from lpse_ops.remote.target import Become
from tests.remote.agents import find_pythons, sources


def start_agent(argv, *, python=sys.executable, environment=None, timeout_seconds=20):
    """Start an agent through a program that gets the command line as its last argument."""
    magic = new_magic()
    transport = start_program([*argv, render_command(python, magic, 10)], environment=environment)
    try:
        send_agent(transport)
        return greet(transport, "server", magic, timeout_seconds, python)
    finally:
        transport.close()


def test_the_first_message_is_small(capsys):
    with capsys.disabled():
        print(f"\nbootstrap: {len(payload())} bytes, stub {len(STUB)} bytes")
    assert len(payload()) <= MAX_PAYLOAD_BYTES
    assert len(STUB) <= 300


def test_the_command_line_holds_nothing_that_shells_quarrel_about():
    command = render_command("", bytes(8), 10)
    assert not re.search(r"[\n!`\\]", command)
    assert len(command) < 1500


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shells_start_it(shell):
    assert start_agent([shell, "-c"]).hello.platform == "linux"


def test_a_login_shell_may_talk(tmp_path):
    (tmp_path / ".bash_profile").write_text(
        "echo welcome; printf 'no line end \\x00'; head -c 300000 /dev/zero; echo oops >&2\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    greeting = start_agent(["bash", "-l", "-c"], environment=environment)
    assert greeting.hello.python == "{}.{}.{}".format(*sys.version_info[:3])


def test_without_a_name_python3_is_found():
    assert "python" in start_agent(["sh", "-c"], python="").hello.executable


def test_an_interpreter_may_have_arguments():
    assert start_agent(["sh", "-c"], python="/usr/bin/env python3").hello.pid


def test_no_python():
    with pytest.raises(HostUnreachable, match="server has no python3") as caught:
        raise explain_silence("server", b"LPSE-OPS-NO-PYTHON \n", b"", "auto")
    assert not isinstance(caught.value, InterpreterMissing)
    assert "ansible_python_interpreter" in caught.value.hint


def test_a_named_python_that_is_missing(tmp_path):
    environment = {"PATH": str(tmp_path)}
    with pytest.raises(InterpreterMissing) as caught:
        start_agent(["/bin/sh", "-c"], python="no-such-python", environment=environment)
    assert caught.value.message == "The module interpreter 'no-such-python' was not found."
    assert "ansible_python_interpreter" in caught.value.hint


def write_old_python(folder):
    """What the stub does on an old Python: it ends with a status of its own."""
    python = folder / "python3"
    python.write_text("#!/bin/sh\nexit 86\n")
    python.chmod(0o755)
    return python


def test_python_that_is_too_old(tmp_path):
    python = write_old_python(tmp_path)
    with pytest.raises(HostUnreachable, match=f"only {python}, which is older than 3.6"):
        start_agent(["/bin/sh", "-c"], python=str(python))


def test_the_stub_leaves_an_old_python_without_reading(tmp_path):
    """Run with a version that looks old, it ends before it touches its input."""
    old = f"import sys; sys.version_info = (3, 5, 3); exec({STUB!r})"
    done = subprocess.run([sys.executable, "-c", old, "5"], input=b"hello", capture_output=True)
    assert (done.returncode, done.stderr) == (86, b"")


def test_a_newer_python_is_taken_when_the_first_is_too_old(tmp_path):
    write_old_python(tmp_path)
    (tmp_path / "python3.9").symlink_to(sys.executable)
    environment = {"PATH": str(tmp_path)}
    script = render_command("", magic := new_magic(), 10)
    # Those that are looked for by their full path may be here too.
    script = re.sub(r"t /usr/\S+; ", "", script)
    transport = start_program(["/bin/sh", "-c", script], environment=environment)
    try:
        send_agent(transport)
        assert "python3.9" in greet(transport, "server", magic, 20).hello.executable
    finally:
        transport.close()


def test_a_program_that_says_something_else():
    with pytest.raises(HostUnreachable, match="This account is currently not available"):
        start_agent(["sh", "-c", "echo 'This account is currently not available.'; exit 1"])


def test_a_program_that_says_nothing():
    with pytest.raises(HostUnreachable, match=r"in time; .* may have run: and waits"):
        start_agent(["sh", "-c", "echo and waits >&2; exec sleep 100"], timeout_seconds=0.5)


def test_a_program_that_never_stops_talking():
    with pytest.raises(HostUnreachable, match=r"did not start the agent: .*y / y"):
        start_agent(["sh", "-c", "exec yes"])


def test_a_stranger_that_knows_the_magic_word():
    magic = new_magic()
    octal = "".join(f"\\0{byte:03o}" for byte in magic + b"\xff" * 4)
    script = f"printf '%b' '{octal}'; head -c 99 /dev/zero"
    transport = start_program(["sh", "-c", script])
    try:
        with pytest.raises(HostUnreachable, match="answered with what no agent says"):
            greet(transport, "server", magic, 20)
    finally:
        transport.close()


def test_what_a_host_says_cannot_disturb_the_terminal():
    error = explain_silence("server", b"\x1b[31mred\x07", b"")
    assert "\x1b" not in error.message
    assert "red" in error.message


def test_nothing_is_left_on_the_host(tmp_path):
    """No file anywhere that an agent could write to without being asked."""
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    start_agent(["sh", "-c"], environment=environment)
    assert list(tmp_path.iterdir()) == []


def test_modules_in_the_folder_where_it_starts_are_not_imported(tmp_path):
    (tmp_path / "zlib.py").write_text("raise SystemExit(9)")
    (tmp_path / "lpse_ops.py").write_text("raise SystemExit(9)")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert start_agent(["env", "-C", str(tmp_path), "sh", "-c"], environment=environment)


@pytest.mark.parametrize("python", find_pythons())
@pytest.mark.parametrize("locale", [{}, {"LANG": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "C.UTF-8"}])
def test_names_of_files_are_utf8_whatever_the_locale(tmp_path, python, locale):
    """And the tasks have the locale that the account has."""
    transport = start_program(
        ["sh", "-c", render_command(python, magic := new_magic(), 10)],
        environment={"PATH": os.environ["PATH"], **locale},
    )
    send_agent(transport)
    link = AgentLink("server", transport, magic=magic, timeout_seconds=20, sources=sources)
    try:
        for name in ("caf\xe9", os.fsdecode(b"caf\xe9")):
            path = tmp_path / name
            link.run("probe", {"do": "sleep", "text": str(path)})
            assert path.exists()
        environment = link.run("probe", {"do": "surroundings"})["environment"]
    finally:
        link.close()
    assert {name: environment.get(name) for name in ("LANG", "LC_ALL")} == {
        name: locale.get(name) for name in ("LANG", "LC_ALL")
    }


def test_a_missing_interpreter_of_a_host(links):
    """Whatever is asked of the host first says so: its hello, or a task, small or large."""
    host = links(python="/no/such/python")
    with pytest.raises(InterpreterMissing, match="'/no/such/python' was not found"):
        _ = host.link().hello
    for data in ("x", os.urandom(1 << 20).hex()):
        with pytest.raises(InterpreterMissing):
            host.link().run("ping", {"data": data})
    with pytest.raises(InterpreterMissing):
        host.link(Become(user="daemon"))


def test_a_missing_interpreter_leaves_the_others_alone(links):
    host = links()
    pid = host.link().hello.pid
    for _ in range(2):
        with pytest.raises(InterpreterMissing):
            host.link(python="/no/such/python").run("ping", {})
    assert host.link().hello.pid == pid
    assert host.link().run("ping", {})["ping"] == "pong"


def test_the_first_task_need_not_wait_for_the_hello(links):
    """Everything is sent in one go, before anything has come back."""
    link = links().link()
    pending = link.submit("ping", {})
    assert (link.frames_sent, link.frames_received) == (1, 0)
    assert pending.result()["ping"] == "pong"
    assert link.frames_received == 1
