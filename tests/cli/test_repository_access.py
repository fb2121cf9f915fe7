"""How a command comes to its repository: opened by a thread, refused if it is another."""

import io
import threading
from pathlib import Path

import pytest

from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.cli.repository_access import Opening, open_for, start_opening
from lpse_ops.cli.wiring import App
from lpse_ops.errors import RepositoryMissing, UsageError, WrongPassword
from tests.backup.cheap_repository import ID


def app_for(repo: Path, password: Path) -> App:
    return App(environment={}, stderr=io.StringIO(), repo=str(repo), password_file=password)


def test_the_thread_that_opened_it_is_gone(repo: Path, password: Path) -> None:
    before = threading.active_count()
    opening = start_opening(app_for(repo, password))
    assert opening.finish().config.id == ID
    # Processes are forked next, and that is for one thread alone.
    assert threading.active_count() == before


def test_what_went_wrong_in_the_thread_is_raised(repo: Path, password: Path) -> None:
    password.write_text("another")
    opening = start_opening(app_for(repo, password))
    with pytest.raises(WrongPassword):
        opening.finish()


class InterruptedBackend(LocalBackend):
    def load(self, *_where: object) -> bytes:
        raise KeyboardInterrupt


def test_an_interruption_in_the_thread_is_raised_too(repo: Path, password: Path) -> None:
    opening = Opening(app_for(repo, password), InterruptedBackend(repo), "geheim")
    with pytest.raises(KeyboardInterrupt):
        opening.finish()


def test_a_missing_repository_is_told_before_any_key_is_worked_out(
    tmp_path: Path, password: Path
) -> None:
    with pytest.raises(RepositoryMissing):
        start_opening(app_for(tmp_path / "none", password))


def test_settings_are_not_read_for_what_flags_say(repo: Path, password: Path) -> None:
    app = app_for(repo, password)
    app.settings_file = repo / "no-such-settings.yml"
    assert open_for(app).config.id == ID


def test_a_password_file_others_may_read_is_told(repo: Path, password: Path) -> None:
    password.chmod(0o644)
    app = app_for(repo, password)
    open_for(app)
    assert f"chmod 600 {password}" in app.stderr.getvalue()  # type: ignore[attr-defined]


def test_an_empty_password_file_is_no_password(repo: Path, password: Path) -> None:
    password.write_text("\n")
    with pytest.raises(UsageError, match="is empty"):
        start_opening(app_for(repo, password))
