"""The ``async_status`` module: how far a task is that was started with ``async``."""

import json
import os
from typing import Any, Dict

from lpse_ops.agent.context import Context, Failed

_DEFAULT_FOLDER = "~/.ansible_async"

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "jid": {"type": "str", "required": True},
    "mode": {"type": "str", "default": "status", "choices": ["cleanup", "status"]},
    # Where jobs leave their results; the controller may say so.
    "_async_dir": {"type": "path"},
}
CHECK_MODE = "full"


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Return the job's result, or only ``started`` and ``finished`` as long as it runs."""
    job = args["jid"]
    folder = args["_async_dir"] or os.environ.get("ANSIBLE_ASYNC_DIR") or _DEFAULT_FOLDER
    path = os.path.join(os.path.expanduser(folder), job)
    answer: Dict[str, Any] = {"ansible_job_id": job, "stdout": "", "stderr": ""}
    if os.path.basename(job) != job or not os.path.isfile(path):
        answer.update(results_file=path, started=True, finished=True)
        raise Failed("could not find job", **answer)
    if args["mode"] == "cleanup":
        os.unlink(path)
        return dict(answer, erased=path, started=False, finished=False)
    answer.update(results_file=path, started=True)
    answer.update(read_job(path))
    return answer


def read_job(path: str) -> Dict[str, Any]:
    """Read what the job has left: its result, or a note that it still runs."""
    with open(path, "rb") as stream:
        content = stream.read()
    try:
        job = json.loads(content.decode("utf-8"))
    except ValueError:
        job = {"started": True}
    if not isinstance(job, dict):
        raise Failed(f"{path} holds no result of a job")
    is_running = bool(job.pop("started", False))
    return dict({"finished": not is_running}, **job)
