"""What can go wrong, each with a hint that says what to type or which file to open.

Only ``program.py`` prints them and picks the exit code.  Messages and hints never hold a secret.
"""

DONE = 0
STUCK = 1
USAGE = 2
ROLLED_BACK = 6
REFUSED = 7
LOCKED = 11
BUG = 70
INTERRUPTED = 130


class StepsError(Exception):
    """``message`` says what is wrong, ``hint`` what to do; ``code`` is the exit status."""

    code = STUCK

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class StepFailed(StepsError):
    """A step could not do its work; the upgrade is rolled back."""


class PlanError(StepsError):
    """The plan file is missing, unreadable or asks for what makes no sense."""

    code = USAGE


class StateError(StepsError):
    """The state file is missing or damaged, or tells of another upgrade."""


class Refused(StepsError):
    """It can be done, but not without somebody who answers for it."""

    code = REFUSED


class Locked(StepsError):
    """Another runner is at work."""

    code = LOCKED
