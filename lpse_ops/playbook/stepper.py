"""``--step``: a person says of each task whether it is run."""

from collections.abc import Callable


class Stepper:
    """``ask`` shows a question and returns the answer; it may end the run by an error."""

    def __init__(self, ask: Callable[[str], str]) -> None:
        self._ask = ask
        self._goes_on = False

    def wants(self, title: str, host: str = "") -> bool:
        """Whether to run a task; after ``c`` nothing is asked any more, and no answer is a no."""
        if self._goes_on:
            return True
        place = f"on {host} " if host else ""
        answer = self._ask(f"Perform task: TASK: {title} {place}(N)o/(y)es/(c)ontinue: ").lower()
        self._goes_on = answer in ("c", "continue")
        return self._goes_on or answer in ("y", "yes")
