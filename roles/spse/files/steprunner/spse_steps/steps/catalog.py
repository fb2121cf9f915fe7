"""All steps of an upgrade, in their order."""

from typing import Dict, Tuple

from spse_steps.context import Step
from spse_steps.steps import (
    backup,
    files,
    letin,
    maintenance,
    migrate,
    prove,
    rollback_point,
    start,
    stop,
    switch,
    tidy,
)

STEPS: Tuple[Step, ...] = (
    maintenance.STEP,
    stop.STEP,
    backup.STEP,
    rollback_point.STEP,
    switch.STEP,
    files.STEP,
    migrate.STEP,
    start.STEP,
    prove.STEP,
    letin.STEP,
    tidy.STEP,
)
NAMES = tuple(step.name for step in STEPS)
BY_NAME: Dict[str, Step] = {step.name: step for step in STEPS}
WAY_OUT = next(step.name for step in STEPS if step.is_way_out)
