"""Where a disk may be kept."""

import pytest

from lpse_ops.backup.diskkeeping import ensure_kept_outside, is_server_room
from lpse_ops.errors import UsageError


@pytest.mark.parametrize(
    "place",
    [
        "Ruang Server",
        "ruang server",
        "Ruangan server LPSE",
        "Lemari di ruang  server",
        "R. Server",
        "Rg. Server lt. 2",
        "Rak server",
        "server room",
        "Server-Room 1",
        "di luar gedung, ruang server cadangan",
        "Ruang data server",
        "SERVER RACK",
    ],
)
def test_the_server_room_is_recognised(place: str) -> None:
    assert is_server_room(place)
    with pytest.raises(UsageError) as refused:
        ensure_kept_outside(place)
    assert "Ps 27(2)" in refused.value.hint


@pytest.mark.parametrize(
    "place",
    [
        "Brankas Setda",
        "di luar ruang server",
        "Brankas, bukan ruang server",
        "away from the server room",
        "Ruang Arsip",
        "Kantor Observer",
        "",
    ],
)
def test_other_places_are_fine(place: str) -> None:
    assert not is_server_room(place)
    ensure_kept_outside(place)


def test_the_sites_own_name_for_it() -> None:
    assert is_server_room("Lemari di Ruang 204", "ruang 204")
    assert not is_server_room("Ruang 2041", "ruang 204")
    assert not is_server_room("Ruang 204")
    assert not is_server_room("Brankas", "  ")
