from datetime import date

import pytest

from lpse_ops.cli.settings import load_settings
from lpse_ops.cli.settings_papers import LegalBasis, PapersSettings
from lpse_ops.errors import SettingsError

SITE = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"


@pytest.fixture
def load(tmp_path):
    def load_text(text: str):
        path = tmp_path / "lpse-ops.yml"
        path.write_text(SITE + text)
        return load_settings(path)

    return load_text


def test_all_keys_of_papers(load, tmp_path):
    papers = load(
        "papers:\n"
        "  letterhead: [PEMERINTAH, LPSE]\n"
        "  address: Jalan Contoh 1\n"
        "  logo: logo.png\n"
        "  place: Contoh\n"
        "  number_pattern: '{seq:03d}/LPSE/{ROMAN}/{YYYY}'\n"
        "  legal_basis: [{text: Pasal 27, since: 2010-11-01, until: '2020-12-31'}, {text: SLA}]\n"
    ).papers
    assert papers == PapersSettings(
        ("PEMERINTAH", "LPSE"),
        "Jalan Contoh 1",
        tmp_path / "logo.png",
        "Contoh",
        "{seq:03d}/LPSE/{ROMAN}/{YYYY}",
        (
            LegalBasis("Pasal 27", date(2010, 11, 1), date(2020, 12, 31)),
            LegalBasis("SLA"),
        ),
    )


def test_without_the_section_there_is_nothing_but_the_common_basis(load):
    assert load("").papers == PapersSettings()
    assert load("papers: {legal_basis: []}").papers.legal_basis == ()


def test_a_nip_is_grouped_as_papers_write_it(load):
    for nip in ("198001012005011001", "19800101 200501 1 001"):
        (person,) = load(f"people: [{{name: A, role: B, nip: '{nip}'}}]").people
        assert person.nip == "19800101 200501 1 001"


@pytest.mark.parametrize(
    ("day", "holds"),
    [("2010-10-31", False), ("2010-11-01", True), ("2020-12-31", True), ("2021-01-01", False)],
)
def test_a_rule_holds_from_its_first_to_its_last_day(day, holds):
    rule = LegalBasis("x", date(2010, 11, 1), date(2020, 12, 31))
    assert rule.holds_on(date.fromisoformat(day)) is holds
    assert LegalBasis("x").holds_on(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("people: [{name: A, role: B, nip: '12'}]", "must be a NIP of 18 digits", "quotes"),
        ("people: [{name: A, role: B, nip: 198001012005011001}]", "must be text", "quotes"),
        ("papers: {number_pattern: 'LPSE/{YYYY}'}", "must hold {seq}", "{seq:03d}"),
        ("papers: {number_pattern: '{seq}/{bulan}'}", "not '{bulan}'", "{ROMAN}"),
        ("papers: {legal_basis: [{text: A, since: 1 Mei}]}", "must be a date", "2026-11-22"),
        ("papers: {legal_basis: [{since: 2020-01-01}]}", "text is missing", ""),
        ("papers: {letterhead: ['']}", "letterhead[0] is empty", "fill in"),
        ("papers: {logos: x.png}", "unknown key 'logos'", "'logo'?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(load, text, said, hint):
    with pytest.raises(SettingsError) as caught:
        load(text)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert "lpse-ops.yml:2:" in caught.value.message
