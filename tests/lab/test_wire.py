import random

from tests.lab.wire import Settings, Way


def never() -> float:
    return 1.0


def carry(settings: Settings, *, frames: int, size: int = 1000, chance=never) -> list[float]:
    """Put numbered frames in at once; return when each comes out."""
    way = Way()
    for number in range(frames):
        way.put(number.to_bytes(4, "big") + bytes(size - 4), 100.0, settings, chance)
    due = []
    while (moment := way.next_due) is not None:
        assert way.take_due(moment - 0.001) == []
        for frame in way.take_due(moment):
            due.append((moment, int.from_bytes(frame[:4], "big")))
    numbers = [number for _, number in due]
    assert numbers == sorted(numbers)
    return [moment - 100.0 for moment, _ in due]


def test_a_delay_is_added():
    [moment] = carry(Settings(delay_ms=20), frames=1)
    assert round(moment, 6) == 0.02


def test_a_rate_spreads_frames_out():
    due = carry(Settings(rate_mbit=8), frames=3, size=1000)
    assert [round(moment, 6) for moment in due] == [0.001, 0.002, 0.003]


def test_jitter_changes_delays_but_not_the_order():
    due = carry(Settings(delay_ms=20, jitter_ms=10), frames=200, chance=random.Random(1).random)
    assert len(due) == 200
    assert 0.01 <= due[0] < due[-1] <= 0.03


def test_loss_loses_its_part():
    due = carry(Settings(loss=0.25), frames=4000, chance=random.Random(1).random)
    assert 2800 < len(due) < 3200


def test_a_full_queue_loses_what_comes_last():
    assert len(carry(Settings(delay_ms=1, queue=10), frames=50)) == 10


def test_a_cable_that_is_out_carries_nothing():
    assert carry(Settings(down=True), frames=3) == []
