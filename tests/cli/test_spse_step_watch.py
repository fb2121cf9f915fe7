"""Which step a host is at, asked beside the play; who does not answer keeps nobody waiting."""

import threading
import time

from lpse_ops.cli.spse_step_watch import StepWatch, describe_progress
from lpse_ops.errors import HostUnreachable
from lpse_ops.spse.runnerstatus import RunnerStatus

AT_MIGRATE = RunnerStatus("running", step="migrate", n_ended=6, n_steps=11)


def wait_for(watch: StepWatch, hosts: list[str], words: str) -> None:
    give_up = time.monotonic() + 20
    while watch.remark(hosts) != words:
        assert time.monotonic() < give_up, watch.remark(hosts)
        time.sleep(0.005)


def test_it_tells_of_those_who_are_at_a_step():
    answers = {"a": AT_MIGRATE, "b": RunnerStatus("done"), "c": AT_MIGRATE}

    def read(host: str) -> RunnerStatus:
        if host not in answers:
            raise HostUnreachable(f"{host} is away", hint="is it on?")
        return answers[host]

    watch = StepWatch(read, every_seconds=0.01)
    assert watch.remark(["a", "b"]) == ""
    watch.start()
    try:
        wait_for(watch, ["a", "b", "d"], "a: migrate (6 of 11 done)")
        wait_for(watch, ["a"], "migrate (6 of 11 done)")
        # Where it has gone on since, and where nobody answers any more.
        answers["b"] = RunnerStatus("running", step="stop", is_back=True, n_ended=7, n_steps=9)
        del answers["a"]
        wait_for(watch, ["a", "b"], "b: taking back stop (7 of 9 done)")
    finally:
        watch.end()


def test_a_host_that_does_not_answer_keeps_nobody_waiting():
    asked, answer = threading.Event(), threading.Event()

    def read(_host: str) -> RunnerStatus:
        asked.set()
        answer.wait(20)
        return AT_MIGRATE

    watch = StepWatch(read, every_seconds=0.01)
    watch.start()
    watch.remark(["a"])
    assert asked.wait(20)
    began = time.monotonic()
    assert watch.remark(["a"]) == ""
    watch.end()
    assert time.monotonic() - began < 5
    answer.set()


def test_only_who_is_at_work_is_at_a_step():
    assert describe_progress(AT_MIGRATE) == "migrate (6 of 11 done)"
    assert describe_progress(RunnerStatus("stopped", step="migrate")) == ""
