from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.cli.settings import load_settings
from lpse_ops.cli.settings_workdays import WorkdaysSettings, build_calendar
from lpse_ops.errors import SettingsError
from lpse_ops.workdays import OfficeHours, SpecialHours, WorkCalendar

SITE = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
WITA = ZoneInfo("Asia/Makassar")


@pytest.fixture
def load(tmp_path):
    def load_text(text: str):
        path = tmp_path / "lpse-ops.yml"
        path.write_text(SITE + text)
        return load_settings(path)

    return load_text


def test_all_keys_of_workdays(load):
    found = load(
        "workdays:\n"
        "  hours: 08:00-16:30\n"
        "  friday: 08:00-16:00\n"
        "  special_hours: [{since: 2027-02-08, until: 2027-03-08, hours: 08:00-15:00}]\n"
        "  joint_leave: false\n"
        "  holidays: [{date: 2028-01-18, name: Hari Jadi}]\n"
        "  working: [2026-12-25]\n"
        "  decreed_years: [2028]\n"
        "  time_zone: WIB\n"
    ).workdays
    assert found == WorkdaysSettings(
        OfficeHours(time(8), time(16, 30)),
        OfficeHours(time(8), time(16)),
        (SpecialHours(date(2027, 2, 8), date(2027, 3, 8), OfficeHours(time(8), time(15))),),
        False,
        ((date(2028, 1, 18), "Hari Jadi"),),
        frozenset({date(2026, 12, 25)}),
        frozenset({2028}),
        ZoneInfo("Asia/Jakarta"),
    )
    calendar = build_calendar(found, WITA, [2026, 2028])
    assert calendar.zone == ZoneInfo("Asia/Jakarta")
    assert calendar.known_years == {2026, 2028}
    days = {"2026-12-24": True, "2026-12-25": True, "2026-08-17": False, "2028-01-18": False}
    assert {day: calendar.is_workday(date.fromisoformat(day)) for day in days} == days
    assert calendar.hours_on(date(2027, 2, 8)).closing == time(15)
    assert calendar.hours_on(date(2026, 11, 20)).closing == time(16)


def test_without_the_section_hours_are_those_of_the_perpres(load):
    settings = load("")
    calendar = build_calendar(settings.workdays, WITA, [2026])
    assert settings.workdays == WorkdaysSettings()
    assert (calendar.zone, calendar.hours) == (WITA, WorkCalendar.hours)
    assert calendar.friday == WorkCalendar.friday
    assert not calendar.is_workday(date(2026, 12, 24))
    assert calendar.due_time(datetime(2026, 12, 23, 9, tzinfo=WITA), 1).at == datetime(
        2026, 12, 28, 16, tzinfo=WITA
    )


def test_an_estimate_is_certain_once_the_settings_have_it(load):
    estimated = date(2027, 3, 10)
    days = build_calendar(load("").workdays, WITA, [2027]).days_off
    assert days[estimated].is_estimated
    text = f"workdays: {{holidays: [{{date: {estimated}, name: Idul Fitri}}]}}"
    assert not build_calendar(load(text).workdays, WITA, [2027]).days_off[estimated].is_estimated
    text = f"workdays: {{working: [{estimated}]}}"
    assert estimated not in build_calendar(load(text).workdays, WITA, [2027]).days_off


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("{hours: 8-16}", "workdays.hours must be office hours, not '8-16'", "07:30-16:00"),
        ("{hours: '24:00-25:00'}", "must be office hours", "07:30-16:00"),
        ("{friday: '16:00-08:00'}", "must end after they begin", "07:30-16:00"),
        ("{holidays: [{date: 2027-01-18}]}", "name is missing", ""),
        ("{holidays: [{date: 18 Januari, name: x}]}", "must be a date", "2026-11-22"),
        ("{special_hours: [{since: 2027-01-01, hours: 08:00-15:00}]}", "until is missing", ""),
        ("{working: [besok]}", "workdays.working[0] must be a date", "2026-11-22"),
        ("{decreed_years: [99]}", "must be 2000 or more", ""),
        ("{time_zone: WIBB}", "must be a time zone", "'WIB'"),
        ("{holiday: []}", "unknown key 'holiday'", "'holidays'?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(load, text, said, hint):
    with pytest.raises(SettingsError) as caught:
        load(f"workdays: {text}")
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert "lpse-ops.yml:2:" in caught.value.message


def test_special_hours_that_end_before_they_begin_are_refused(load):
    with pytest.raises(SettingsError, match="2027-02-08 is before 2027-03-08") as caught:
        load(
            "workdays:\n  special_hours: "
            "[{since: 2027-03-08, until: 2027-02-08, hours: 08:00-15:00}]"
        )
    assert caught.value.hint == "swap since and until"
