"""Who is silent is asked once, and it is known for how long."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.session import Session

from lpse_ops.backup.storage.s3silence import ask_the_silent_once, silent_seconds

Asked = list[bytes]


@contextlib.contextmanager
def mute_server() -> Iterator[tuple[int, Asked]]:
    """Takes every request, and answers none."""
    asked: Asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connections: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])
                    asked.append(connections[-1].recv(100))

        threading.Thread(target=take, daemon=True).start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
        for each in connections:
            each.close()


def client_of(port: int) -> Any:
    session = Session()
    session.set_credentials("AKIANOBODY", "no secret")
    client = session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(
            connect_timeout=0.1,
            read_timeout=0.1,
            retries={"mode": "standard", "total_max_attempts": 2},
        ),
    )
    ask_the_silent_once(client)
    return client


def test_a_silent_server_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with mute_server() as (port, asked):
        with pytest.raises(ReadTimeoutError) as silence:
            client_of(port).head_object(Bucket="bucket", Key="config")
        assert [each[:4] for each in asked] == [b"HEAD"]
    assert silent_seconds(silence.value, 10, 60) == 60


def test_a_server_that_takes_no_more_of_a_file_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with mute_server() as (port, asked):
        with pytest.raises(ConnectionClosedError) as silence:
            # More than the two ends keep in memory.
            client_of(port).put_object(Bucket="bucket", Key="pack", Body=bytes(16 << 20))
        assert [each[:3] for each in asked] == [b"PUT"]
    assert silent_seconds(silence.value, 10, 60) == 10


def test_a_server_that_is_not_reached_was_silent_for_less() -> None:
    unreached = ConnectTimeoutError(endpoint_url="http://192.0.2.1")
    assert silent_seconds(unreached, 10, 60) == 10


def test_a_server_that_is_not_there_was_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with mute_server() as (port, _):
        pass
    with pytest.raises(EndpointConnectionError) as refused:
        client_of(port).head_object(Bucket="bucket", Key="config")
    assert silent_seconds(refused.value, 10, 60) == 0
