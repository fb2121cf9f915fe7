import io
from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.cli.wiring import App, state_folder
from lpse_ops.errors import SettingsError

SETTINGS = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WIT}\n"


@pytest.fixture
def settings_file(tmp_path):
    path = tmp_path / "lpse-ops.yml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


def test_the_settings_are_read_once(settings_file):
    app = App(settings_file=settings_file)
    assert app.settings.site.slug == "lpse-contoh"
    settings_file.unlink()
    assert app.settings is app.settings_if_any


def test_the_variable_names_them_too(settings_file):
    app = App(environment={"LPSE_OPS_SETTINGS": str(settings_file)})
    assert app.settings.file == settings_file


def test_no_settings_are_an_error_only_when_needed(elsewhere):
    app = App(environment={})
    assert app.settings_if_any is None
    assert app.clock.now().utcoffset() is not None
    with pytest.raises(SettingsError, match="no settings file"):
        _ = app.settings


def test_the_clock_is_in_the_zone_of_the_site(settings_file):
    assert App(settings_file=settings_file).clock.now().utcoffset() == timedelta(hours=9)


def test_the_console_knows_stream_and_quiet():
    stderr = io.StringIO()
    app = App(stderr=stderr, quiet=True)
    app.console.print("one")
    app.console.warn("two")
    assert stderr.getvalue() == "lpse-ops: warning: two\n"


@pytest.mark.parametrize(
    ("environment", "is_root", "folder"),
    [
        ({}, True, Path("/var/lib/lpse-ops")),
        ({}, False, Path.home() / ".local/state/lpse-ops"),
        ({"XDG_STATE_HOME": "/x"}, True, Path("/var/lib/lpse-ops")),
        ({"XDG_STATE_HOME": "/x"}, False, Path("/x/lpse-ops")),
        ({"LPSE_OPS_STATE": "/y", "XDG_STATE_HOME": "/x"}, True, Path("/y")),
    ],
)
def test_the_state_has_one_folder(environment, is_root, folder):
    assert state_folder(environment, is_root=is_root) == folder


def test_the_app_knows_its_state_folder():
    assert App(environment={"LPSE_OPS_STATE": "/y"}).state_folder == Path("/y")
