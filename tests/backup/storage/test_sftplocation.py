"""Locations as restic understands them."""

import pytest

from lpse_ops.backup.storage.location import open_backend
from lpse_ops.backup.storage.sftplocation import SftpPlace, parse_sftp_location
from lpse_ops.errors import UsageError


@pytest.mark.parametrize(
    ("rest", "host", "path", "user", "port"),
    [
        ("sari@nas:/srv/repo", "nas", "/srv/repo", "sari", None),
        ("nas:/srv/repo/", "nas", "/srv/repo", "", None),
        ("nas:repo/a", "nas", "repo/a", "", None),
        ("nas:/srv/a:b", "nas", "/srv/a:b", "", None),
        ("nas:/", "nas", "/", "", None),
        ("sari@dinas@nas:/srv", "nas", "/srv", "sari@dinas", None),
        ("//sari@nas:2222//srv/repo", "nas", "/srv/repo", "sari", 2222),
        ("//nas/repo", "nas", "repo", "", None),
        ("//sari@[2001:db8::7]:2222//srv", "2001:db8::7", "/srv", "sari", 2222),
        ("//nas//srv/dua%20kata", "nas", "/srv/dua kata", "", None),
    ],
)
def test_what_restic_takes(rest: str, host: str, path: str, user: str, port: int | None) -> None:
    place = parse_sftp_location(rest)
    assert place == SftpPlace(f"sftp:{rest}", host, path, user, port)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("nas", "no folder"),
        ("nas:", "no folder"),
        ("//nas", "no folder"),
        ("//nas/", "no folder"),
        (":/srv", "no host"),
        ("sari@:/srv", "no host"),
        ("-oProxyCommand=x:/srv", "no host"),
        ("//:2222//srv", "no host"),
        ("nas:~/repo", "no ~"),
        ("//nas/~sari/repo", "no ~"),
        ("//nas:port//srv", "no URL"),
        ("//[::1//srv", "no URL"),
        ("nas:/srv\0", "no folder"),
    ],
)
def test_what_makes_no_sense(rest: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        parse_sftp_location(rest)
    assert "sftp:" in refused.value.hint


@pytest.mark.parametrize("rest", ["//sari:hunter2@nas//srv", "sari:hunter2@nas:/srv"])
def test_a_password_is_refused_and_not_shown(rest: str) -> None:
    with pytest.raises(UsageError, match="must not hold a password") as refused:
        parse_sftp_location(rest)
    assert "hunter2" not in refused.value.message + refused.value.hint
    assert "ssh-keygen" in refused.value.hint


def test_nobody_is_called_before_the_first_use() -> None:
    def dial(_place: SftpPlace) -> object:
        raise AssertionError("called")

    assert open_backend("sftp:nas:/srv/repo", {"dial": dial}).location == "sftp:nas:/srv/repo"


def test_how_one_would_log_in_by_hand() -> None:
    assert parse_sftp_location("//sari@nas:2222//srv").login == "-P 2222 sari@nas"
    assert parse_sftp_location("nas:/srv").login == "nas"
