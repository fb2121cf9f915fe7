"""The step runner of this machine, asked what it makes of a plan."""

from collections.abc import Collection
from pathlib import Path

from lpse_ops.errors import ProcessFailed
from lpse_ops.process import run

_PYTHON = "/usr/bin/python3"
# As long as pages and a database may take; the step runner has limits of its own.
_SECONDS = 300.0


def ask_runner(steprunner: Path, verb: str, plan: bytes, *, good: Collection[int] = (0,)) -> str:
    """Return the JSON that ``steprunner VERB -`` prints; ProcessFailed with what it says else."""
    argv = [_PYTHON, "-IB", str(steprunner), "--format", "json", verb, "-"]
    done = run(argv, stdin=plan, timeout_seconds=_SECONDS)
    if done.status in good and done.stdout.strip():
        return done.stdout.decode("utf-8", "replace")
    words = done.stderr.strip().splitlines()
    said = [line.split(": ", 2)[-1] for line in words if line.startswith("steprunner: ")]
    reason = (said or words or [f"it ended with {done.status}"])[0][:300]
    raise ProcessFailed(
        f"the step runner refuses the plan: {reason}",
        hint=f"correct it in site.json; is the step runner in {steprunner}? the role spse brings "
        "both: lpse-ops spse install",
    )
