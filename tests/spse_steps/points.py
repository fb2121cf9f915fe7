"""The moments at which the power could go during an upgrade, as the runner itself tells them."""

from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def read_points(name: str) -> list[str]:
    """All moments of an upgrade, in their order."""
    return (GOLDEN / f"{name}.txt").read_text().splitlines()


def choose_distinct(points: list[str]) -> list[int]:
    """The numbers, from 1, of those moments that leave something new behind.

    A state file half written leaves what the one before left; what is told of the state file is
    told again of the step; and the end of one step is the beginning of the next.
    """
    kept = []
    for number, point in enumerate(points, 1):
        before, third = points[number - 2], points[number - 4]
        is_file = point.endswith((": write", ": written"))
        is_told = point.startswith("after ") or point.endswith(" begun")
        follows_end = third.endswith((": ran", ": undone")) and number > 4
        is_end = point.endswith((": ran", ": undone"))
        is_told_twice = is_end and before.endswith((": renamed", ": opened"))
        is_command = point in ("migrate: ran", "start: ran")
        if is_command or not (is_file or is_told or follows_end or is_told_twice):
            kept.append(number)
    return kept
