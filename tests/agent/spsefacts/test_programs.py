"""Programs that hang, talk without end or leave children cost only their own side."""

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lpse_ops.agent.modules._spse_facts import read_sides
from lpse_ops.agent.spsefacts.programs import Programs


@pytest.fixture
def programs() -> Programs:
    return Programs(time.monotonic() + 60)


def script(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_both_outputs_and_the_status_are_told_apart(programs: Programs, tmp_path: Path):
    ran = programs.ask(script(tmp_path, "echo out; echo err >&2; exit 3"))
    assert (ran.rc, ran.stdout, ran.stderr, ran.is_good) == (3, "out\n", "err\n", False)
    assert ran.why_not == "err"


@pytest.mark.parametrize(
    "text",
    [
        "sleep 1000",
        # A child that keeps the outputs open, and one that closes them and stays.
        "sleep 1000 & exit 0",
        "exec >&- 2>&-; sleep 1000",
    ],
)
def test_who_does_not_end_is_ended_with_all_that_it_started(
    programs: Programs, tmp_path: Path, text: str
):
    begun = time.monotonic()
    mark = f"{tmp_path}/mark"
    ran = programs.ask(script(tmp_path, f"echo $$ >{mark}; {text}"), seconds=0.3)
    assert "did not answer in time" in ran.trouble
    assert time.monotonic() - begun < 5
    wait_for_end_of_group(int(Path(mark).read_text()))


def wait_for_end_of_group(number: int) -> None:
    """Until all are dead; it is for others to bury them."""
    for _ in range(500):
        if subprocess.run(["pgrep", "--pgroup", str(number), "--runstates", "DRS"]).returncode:
            return
        time.sleep(0.01)
    raise AssertionError("somebody is left")


def test_who_talks_without_end_is_ended(programs: Programs, tmp_path: Path):
    ran = programs.ask(script(tmp_path, "exec yes"))
    assert "did not stop talking" in ran.trouble
    assert len(ran.stdout) < 4 << 20


def test_what_is_not_there_or_no_program_or_for_nobody(programs: Programs, tmp_path: Path):
    assert programs.ask("lpse-ops-no-such-program").trouble == (
        "lpse-ops-no-such-program is not there"
    )
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"\0\1")
    nothing.chmod(0o755)
    assert "cannot run" in programs.ask(str(nothing)).trouble
    assert programs.ask("true", account="no-such-one").trouble == "there is no account no-such-one"


def test_bytes_that_are_no_text_are_text(programs: Programs, tmp_path: Path):
    assert programs.ask(script(tmp_path, r"printf '\377\000x'")).stdout == "\ufffd\0x"


def test_a_side_that_is_late_or_breaks_costs_no_other():
    def breaks() -> None:
        raise KeyError("odd")

    begun = time.monotonic()
    told = read_sides(
        {"late": lambda: time.sleep(30), "breaks": breaks, "well": lambda: {"one": 1}}, 0.2
    )
    assert time.monotonic() - begun < 5
    assert told["well"] == {"one": 1}
    assert told["late"]["trouble"] == "no answer within 0.2 seconds"
    assert told["breaks"]["trouble"] == "KeyError: 'odd'"


def test_the_outputs_of_programs_side_by_side_are_not_mixed_up():
    programs = Programs(time.monotonic() + 60)
    over = threading.Event()

    def open_and_close() -> None:
        """As the other readers do: the numbers of the pipes are no longer in order."""
        while not over.is_set():
            for end in (*os.pipe(), *os.pipe()):
                os.close(end)

    busy = [threading.Thread(target=open_and_close) for _ in range(4)]
    for each in busy:
        each.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            asked = [
                pool.submit(programs.ask, "sh", "-c", "echo out; echo err >&2", seconds=30)
                for _ in range(200)
            ]
            said = {(each.result().stdout, each.result().stderr) for each in asked}
    finally:
        over.set()
        for each in busy:
            each.join()
    assert said == {("out\n", "err\n")}
