"""What the library knows: the decrees of 2023 to 2027, and no later one."""

from datetime import date

import pytest

from lpse_ops.nationaldays import load_national_days

# Days of cuti bersama by the joint decrees of the three ministers.
JOINT_LEAVE = {
    2024: "02-09 03-12 04-08 04-09 04-12 04-15 05-10 05-24 06-18 12-26",
    2025: "01-28 03-28 04-02 04-03 04-04 04-07 05-13 05-30 06-09 08-18 12-26",
    2026: "02-16 03-18 03-20 03-23 03-24 05-15 05-28 12-24",
    2027: "02-05 03-09 03-12 03-15 03-25 05-18 05-19 12-24",
}


@pytest.mark.parametrize("year", JOINT_LEAVE)
def test_cuti_bersama_of_the_years_that_are_decreed(year):
    found = load_national_days([year])
    national = load_national_days([year], joint_leave=False)
    leave = sorted(found.days.keys() - national.days.keys())
    assert [f"{day:%m-%d}" for day in leave] == JOINT_LEAVE[year].split()
    assert all(found.days[day].name.startswith("Cuti Bersama ") for day in leave)
    assert found.known_years == national.known_years == {year}


def test_holidays_have_their_indonesian_names():
    days = load_national_days([2026]).days
    assert days[date(2026, 8, 17)].name == "Hari Kemerdekaan Republik Indonesia"
    assert days[date(2026, 3, 19)].name == "Hari Suci Nyepi"
    assert not any(day.is_estimated for day in days.values())


def test_what_the_moon_decides_is_estimated():
    days = load_national_days([2027]).days
    assert days[date(2027, 3, 10)].name == "Hari Raya Idul Fitri"
    assert days[date(2027, 3, 10)].is_estimated
    assert not days[date(2027, 1, 1)].is_estimated


def test_a_year_without_cuti_bersama_is_not_known():
    found = load_national_days([2027, 2028, 2035])
    assert found.known_years == {2027}
    assert found.days[date(2028, 8, 17)].name == "Hari Kemerdekaan Republik Indonesia"
