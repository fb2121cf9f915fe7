"""``backup.drill``: what a restore drill asks the restored database."""

from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.cli.settings import DrillSettings, load_settings
from lpse_ops.errors import SettingsError

SITE = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"


def load(folder: Path, drill: str) -> DrillSettings:
    path = folder / "lpse-ops.yml"
    path.write_text(f"{SITE}backup: {{drill: {drill}}}\n")
    return load_settings(path).backup.drill


def test_every_key_becomes_a_value(tmp_path: Path):
    text = "{documents_query: SELECT a, newest_query: SELECT b, sample: 0, database: epns_prod, "
    limit = timedelta(minutes=90)
    wanted = DrillSettings("SELECT a", "SELECT b", 0, "epns_prod", limit)
    assert load(tmp_path, text + "time_limit: 1h30m}") == wanted


def test_nothing_is_asked_unless_the_settings_say_so(tmp_path: Path):
    assert load(tmp_path, "{}") == DrillSettings(None, None, 50, None, timedelta(hours=12))


@pytest.mark.parametrize(
    ("drill", "said"),
    [
        ("{sample: -1}", "drill.sample"),
        ("{sample: many}", "drill.sample"),
        ("{documents_query: ''}", "drill.documents_query"),
        ("{newest_query: 5}", "drill.newest_query"),
        ("{database: ../x}", "drill.database"),
        ("{time_limit: a night}", "drill.time_limit"),
        ("{document_query: SELECT a}", "did you mean"),
    ],
)
def test_what_the_keys_must_not_be(tmp_path: Path, drill: str, said: str):
    with pytest.raises(SettingsError) as failed:
        load(tmp_path, drill)
    assert said in failed.value.message + failed.value.hint
