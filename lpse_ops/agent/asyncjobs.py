"""Asynchronous tasks: they go on without us, and leave their result where Ansible looks for it.

``~/.ansible_async/JOB`` (or ``$ANSIBLE_ASYNC_DIR``) says first that the job has started, and holds
its result in the end.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import json
import os
import signal
import time
from typing import Any, Callable, Dict

from lpse_ops.agent import frames
from lpse_ops.agent.request import Job

_DEFAULT_FOLDER = "~/.ansible_async"
_SHORTEST_NAP_SECONDS = 0.02
_LONGEST_NAP_SECONDS = 1.0


def start_job(
    job: Job, work: Callable[[], Dict[str, Any]], *, detach: Callable[[], None]
) -> Dict[str, Any]:
    """Let ``work`` go on in a process of its own; return at once what Ansible returns.

    ``detach`` is called in the new process, to let go of what ties it to us.
    """
    folder = os.path.expanduser(os.environ.get("ANSIBLE_ASYNC_DIR") or _DEFAULT_FOLDER)
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        name = f"{job.name}.{os.getpid()}"
        path = os.path.join(folder, name)
        write_state(path, {"started": True, "finished": False, "ansible_job_id": name})
    except OSError as error:
        text = "could not create directory: {} - {}"
        return {"failed": True, "changed": False, "msg": text.format(folder, error)}
    _fork_apart(lambda: _supervise(name, path, job.limit_seconds, work), detach)
    return {
        "changed": False,
        "failed": False,
        "started": True,
        "finished": False,
        "ansible_job_id": name,
        "results_file": path,
    }


def write_state(path: str, state: Dict[str, Any]) -> None:
    """Put a state in place at once, so that nobody reads half of it."""
    part = path + ".tmp"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(state, file, default=frames.as_json)
    os.rename(part, path)


def _supervise(
    name: str,
    path: str,
    limit_seconds: float,
    work: Callable[[], Dict[str, Any]],
) -> None:
    """Run the work in a process group of its own, and end it when its time is over."""
    worker = os.fork()
    if not worker:
        os.setpgid(0, 0)
        _leave_after(lambda: write_state(path, dict(work(), ansible_job_id=name)))
    deadline = time.monotonic() + limit_seconds
    nap = _SHORTEST_NAP_SECONDS
    ended, status = 0, 0
    while not ended:
        if limit_seconds and time.monotonic() > deadline:
            os.killpg(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
            write_state(path, {"failed": True, "msg": "Timeout exceeded", "child_pid": worker})
            return
        time.sleep(nap)
        nap = min(nap * 1.5, _LONGEST_NAP_SECONDS)
        ended, status = os.waitpid(worker, os.WNOHANG)
    if status:
        text = f"the process of the task ended without a result, with wait status {status}"
        write_state(path, {"failed": True, "msg": text, "ansible_job_id": name})


def _fork_apart(action: Callable[[], None], detach: Callable[[], None]) -> None:
    """Do something in a process of another session; come back when it has left ours.

    Before that it would die with us, should the agent end us now.
    """
    read_fd, write_fd = os.pipe()
    if not os.fork():
        os.setsid()
        detach()
        os.close(read_fd)
        os.close(write_fd)
        _leave_after(action)
    os.close(write_fd)
    os.read(read_fd, 1)
    os.close(read_fd)


def _leave_after(action: Callable[[], None]) -> None:
    """Do something in a forked process and end it; the status says whether that went well."""
    status = 1
    try:
        action()
        status = 0
    finally:
        os._exit(status)
