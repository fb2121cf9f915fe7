"""Killed at any moment, an upgrade can be taken up again, and taken back; no data is lost.

Every moment that leaves something new behind is a test here, by turns resumed and rolled back, and
every third one of the way back; ``make soak`` takes all moments both ways.
"""

import pytest

from tests.spse_steps.points import choose_distinct, read_points

_UPGRADE = read_points("upgrade")
_FAILING = read_points("failing-migration")
_BACK = next(n for n, point in enumerate(_FAILING, 1) if point == "migrate: undo begun") - 1
_FAILS = "SELECT 1/0;\n"


def name_of(number: int, points: list[str]) -> str:
    return f"{number}-{points[number - 1]}".replace(" ", "-")


def by_turns(points: list[str], first: int = 1, share: int = 1) -> list[object]:
    """Each distinct moment in one of the two ways, and in soak every moment in both."""
    found: list[object] = []
    chosen = [number for number in choose_distinct(points) if number >= first][::share]
    for number in range(first, len(points) + 1):
        for turn, way in enumerate(("resume", "rollback")):
            is_now = number in chosen and chosen.index(number) % 2 == turn
            marks = [] if is_now else [pytest.mark.soak]
            name = f"{name_of(number, points)}-{way}"
            found.append(pytest.param(number, way, marks=marks, id=name))
    return found


def go_back(site, capsys):
    ended = site.call(capsys, "rollback")
    if ended.code == 7:
        # Users may have been let in.
        ended = site.call(capsys, "rollback", "--accept-lost-writes", "percobaan")
    return ended


def test_the_moments_are_those_of_the_lists(site, capsys):
    ended = site.call(capsys, "run", site.write_plan(site.plan()))
    assert ended.points == _UPGRADE
    assert len(choose_distinct(_UPGRADE)) > 30


def test_the_moments_of_a_way_back_are_those_of_the_list(site, capsys):
    (site.release("4.5") / "migration.sql").write_text(_FAILS)
    ended = site.call(capsys, "run", site.write_plan(site.plan()))
    assert ended.code == 6
    assert ended.points == _FAILING


@pytest.mark.parametrize(("number", "way"), by_turns(_UPGRADE))
def test_power_cut_during_an_upgrade(site, capsys, number, way):
    plan = site.write_plan(site.plan())
    assert site.call_and_kill(number, "run", plan)
    if way == "resume":
        ended = site.call(capsys, "resume")
        if ended.code == 1 and "no upgrade was begun" in ended.said:
            ended = site.call(capsys, "run", plan)
        assert ended.code == 0, ended.said
        site.assert_is("4.5")
        return
    ended = go_back(site, capsys)
    if not (ended.code == 1 and "no upgrade was begun" in ended.said):
        assert ended.code == 0, ended.said
        assert ended.answer["outcome"] == "rolled-back"
    site.assert_is("4.4")


@pytest.mark.parametrize(("number", "way"), by_turns(_FAILING, _BACK, share=3))
def test_power_cut_while_it_goes_back(site, capsys, number, way):
    (site.release("4.5") / "migration.sql").write_text(f"DELETE FROM paket;\n{_FAILS}")
    assert site.call_and_kill(number, "run", site.write_plan(site.plan()))
    ended = site.call(capsys, way)
    assert ended.code == (6 if way == "resume" else 0), ended.said
    assert ended.answer["outcome"] == "rolled-back"
    site.assert_is("4.4")
