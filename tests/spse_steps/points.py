"""The moments at which the power could go during an upgrade, as the runner itself tells them."""

from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def read_points(name: str) -> list[str]:
    """All moments of an upgrade, in their order."""
    return (GOLDEN / f"{name}.txt").read_text().splitlines()


def choose_distinct(points: list[str]) -> list[int]:
    """The numbers, from 1, of those moments that leave something new behind.

    A state file half written leaves what the one before left, and what follows it tells of itself.
    """
    return [number for number, point in enumerate(points, 1) if _leaves_something(point)]


def _leaves_something(point: str) -> bool:
    is_told_before = point.startswith("after ") or point.endswith((" begun", ": write"))
    return not is_told_before and point != "state.json: written"
