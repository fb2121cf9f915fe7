"""Random histories of ours and stock restic, in turn and killed in the middle, lose nothing.

The model (``modelworld``) knows what every snapshot must hold; it is compared after each step.
``make soak`` runs many more histories than fit into ``make test``.
"""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from tests.backup.modelworld import TOOLS, Step, World
from tests.restic_binaries import Binaries

STEPS = 20
HISTORIES = 13
# Spread over the processes of a test run; 4 x 13 histories of 20 steps are more than 50.
PARTS = 4

KINDS = st.sampled_from(
    ("write", "write", "backup", "backup", "forget", "prune", "copy", "milestone", "kill")
)
STEP = st.builds(Step, KINDS, st.sampled_from(TOOLS), st.integers(0, 999))
HISTORY = st.lists(STEP, min_size=STEPS, max_size=STEPS)
# One that has every tool do everything: chance alone may leave something out.
EVERYTHING = [
    *(Step(kind, "ours", 1) for kind in ("write", "backup", "write", "backup", "milestone")),
    *(Step(kind, tool, 2) for tool in TOOLS for kind in ("copy", "backup", "forget", "prune")),
    *(Step(kind, "ours", 3) for kind in ("write", "kill", "backup")),
]


@pytest.mark.parametrize("part", range(PARTS))
def test_random_histories_lose_nothing(part: int, restic_binaries: Binaries) -> None:
    histories, counts = play(restic_binaries, HISTORIES, part)
    assert histories >= HISTORIES
    taken = sum(counts[kind] for kind in ("write", "backup", "forget", "prune", "copy"))
    assert taken + counts["milestone"] + counts["kill"] == histories * STEPS
    for tool in TOOLS:
        assert min(counts[f"{tool} {verb}"] for verb in ("forget", "prune", "copy")) > 0


@pytest.mark.soak
def test_many_more_random_histories_lose_nothing(restic_binaries: Binaries) -> None:
    number = int(os.environ.get("LPSE_OPS_SOAK_HISTORIES", "200"))
    assert play(restic_binaries, number, None)[0] >= number


@pytest.mark.soak
def test_kill_9_at_random_moments_loses_nothing(restic_binaries: Binaries) -> None:
    wanted = int(os.environ.get("LPSE_OPS_SOAK_KILLS", "200"))
    chance = random.Random()
    with open_folder() as folder:
        world = World(folder, restic_binaries, scale=10)
        while world.counts["killed"] < wanted:
            for kind in ("write", "backup", "write", "kill", "kill", "kill", "kill"):
                world.do(Step(kind, "ours", chance.randrange(1000)))
            world.do(Step("forget", "ours", 4 + chance.randrange(2)))
        world.finish()
    print(dict(world.counts))


def play(restics: Binaries, number: int, part: int | None) -> tuple[int, Counter[str]]:
    """Play histories; return how many there were, and how often each thing was done."""
    played: list[Counter[str]] = []

    @settings(
        max_examples=number,
        derandomize=False,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @seed(random.randrange(1 << 32) if part is None else part)
    @given(HISTORY)
    @example(EVERYTHING)
    def one(history: list[Step]) -> None:
        with open_folder() as folder:
            world = World(folder, restics)
            for step in history:
                world.do(step)
            world.finish()
            played.append(world.counts)

    one()
    return len(played), sum(played, Counter())


@contextmanager
def open_folder() -> Iterator[Path]:
    """In memory if possible: a history syncs hundreds of small files."""
    memory = Path("/dev/shm")
    top = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="model-", dir=top) as folder:
        yield Path(folder)
