import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.lab.leash import leashed, start_leashed
from tests.lab.waiting import is_running, wait_until

# A daemon of its own session, whose parent goes away; then the program itself.
DAEMON = 'setsid sh -c "sleep 1000 & echo \\$! >daemon.new; mv daemon.new daemon"; exec sleep 1000'
OWNER = f"""
import sys, time
from tests.lab.leash import start_leashed
start_leashed(["sh", "-c", {DAEMON!r}], cwd=sys.argv[1])
time.sleep(1000)
"""


def read_daemon(folder: Path) -> int:
    assert wait_until((folder / "daemon").exists)
    return int((folder / "daemon").read_text())


def test_the_end_takes_daemons_along(tmp_path):
    leash = start_leashed(["sh", "-c", DAEMON], cwd=tmp_path)
    daemon = read_daemon(tmp_path)
    assert is_running(daemon)
    leash.end()
    assert not is_running(daemon)


def test_a_killed_owner_takes_program_and_daemons_along(tmp_path):
    owner = subprocess.Popen([sys.executable, "-c", OWNER, tmp_path])
    daemon = read_daemon(tmp_path)
    owner.kill()
    owner.wait()
    assert wait_until(lambda: not is_running(daemon))


def test_a_program_that_ends_by_itself_ends_the_leash():
    leash = start_leashed(["true"])
    assert wait_until(lambda: not leash.is_alive)
    leash.end()


def test_orphans_that_end_are_not_left_as_zombies():
    script = "sh -c 'sleep 0.05 & echo $!'; exec sleep 1000"
    with leashed(["sh", "-c", script], stdout=subprocess.PIPE) as leash:
        orphan = int(leash.stdout.readline())
        assert wait_until(lambda: not Path(f"/proc/{orphan}").exists())
        assert leash.is_alive


def test_interrupts_of_the_terminal_do_not_reach_the_program():
    with leashed(["sh", "-c", "echo $$; exec sleep 1000"], stdout=subprocess.PIPE) as leash:
        program = int(leash.stdout.readline())
        assert os.getpgid(program) != os.getpgid(0)
        os.kill(program, signal.SIGINT)
        assert wait_until(lambda: not leash.is_alive)
