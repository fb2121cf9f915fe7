from pathlib import Path

import pytest

from lpse_ops.backup.storage.location import open_backend
from lpse_ops.errors import UsageError


@pytest.mark.parametrize(
    "location", ["/srv/repo", "local:/srv/repo", "/srv/../srv/repo/", "/srv/a:b"]
)
def test_a_folder_is_a_local_backend(location: str) -> None:
    expected = location.removeprefix("local:").rstrip("/")
    assert open_backend(location).location == expected


def test_a_relative_folder_is_taken_from_here_and_home_is_known() -> None:
    assert open_backend("repo").location == str(Path.cwd() / "repo")
    assert open_backend("local:repo:2").location == str(Path.cwd() / "repo:2")
    assert open_backend("~/repo").location == str(Path.home() / "repo")


def test_nothing_is_touched(tmp_path: Path) -> None:
    open_backend(str(tmp_path / "repo"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("location", ["ftp:/x", "rest:http://x/", "swift:x:/y"])
def test_an_unknown_kind_of_place_is_refused_and_the_known_are_named(location: str) -> None:
    with pytest.raises(UsageError, match="not supported") as refused:
        open_backend(location)
    assert "local" in refused.value.hint


@pytest.mark.parametrize("location", ["", "local:"])
def test_no_location_is_refused(location: str) -> None:
    with pytest.raises(UsageError, match="location is empty") as refused:
        open_backend(location)
    assert "--repo" in refused.value.hint


def test_the_home_of_nobody_known_is_refused() -> None:
    with pytest.raises(UsageError, match="no home folder") as refused:
        open_backend("~nobody-has-this-name/repo")
    assert "whole path" in refused.value.hint
