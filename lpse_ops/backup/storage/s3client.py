"""The client of an S3 server, made when it is first needed, and its errors in our words.

botocore without boto3 around it: nothing of that is used, and it starts in two thirds of the time.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.storage.s3errors import (
    Asked,
    Failure,
    explain_failure,
    read_failure,
    unreachable,
    untrusted,
    without_key,
)
from lpse_ops.backup.storage.s3location import S3Location, S3Options, choose_addressing
from lpse_ops.backup.storage.s3models import make_model_loader
from lpse_ops.backup.storage.s3parts import send_at_pace, sign_proof_alone
from lpse_ops.backup.storage.s3silence import ask_the_silent_once, silent_seconds
from lpse_ops.errors import StorageError

_DEFAULT_REGION = "us-east-1"
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
# The first and, with growing pauses, two more; whoever wants more patience wraps the backend.
_TRIES = 3
_CONNECTIONS = 32
_SHOWN_KEY_LETTERS = 4
_SHOWN_LETTERS = 200


class S3Client:
    """``call`` does one request; safe for several threads."""

    def __init__(
        self, location: S3Location, options: S3Options, now: Callable[[], datetime]
    ) -> None:
        self._location = location
        self._options = options
        self._now = now
        self._lock = threading.Lock()
        self._session: Any = None
        self._client: Any = None

    @property
    def region(self) -> str:
        return str(self._made().meta.region_name)

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Send a request; an answer that says no is raised as ``Refusal``."""
        from botocore.exceptions import ClientError

        try:
            answer: dict[str, Any] = getattr(self._made(), operation)(**arguments)
        except ClientError as error:
            raise Refusal(read_failure(error.response)) from error
        return answer

    @contextlib.contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Turn whatever goes wrong into a ``StorageError``; ``doing`` completes "cannot"."""
        from botocore import exceptions as boto

        try:
            yield
        except Refusal as error:
            raise explain_failure(error.failure, self._asked(doing)) from error
        except boto.SSLError as error:
            raise untrusted(_reason(error.kwargs), self._asked(doing)) from error
        except (boto.ConnectionError, boto.HTTPClientError) as error:
            told = unreachable(_reason(error.kwargs), self._asked(doing))
            told.silent_seconds = silent_seconds(error, _CONNECT_SECONDS, _READ_SECONDS)
            raise told from error
        except (boto.ResponseStreamingError, boto.IncompleteReadError) as error:
            raise unreachable("the answer was cut short", self._asked(doing)) from error
        except _without_key_errors() as error:
            raise without_key(str(error), self._asked(doing)) from error
        except boto.BotoCoreError as error:
            raise StorageError(
                f"cannot {doing}: {str(error)[:_SHOWN_LETTERS]}",
                hint="see the location and the keys under s3: in lpse-ops.yml",
            ) from error
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"cannot {doing}: {self._location.server} answers what no S3 server does",
                hint=f"is {self._location.endpoint} an S3 server? try it with rclone lsf",
            ) from error

    def _asked(self, doing: str) -> Asked:
        return Asked(doing, self._location, self._key_end(), self._now())

    def _key_end(self) -> str:
        key_id = ""
        # To ask renews those that expired; that it fails may be the very error to be told.
        with contextlib.suppress(Exception):
            key_id = str(self._session.get_credentials().access_key)
        # Of a short one, the end would be nearly all.
        return key_id[-_SHOWN_KEY_LETTERS:] if len(key_id) > 2 * _SHOWN_KEY_LETTERS else ""

    def _made(self) -> Any:
        with self._lock:
            if self._client is None:
                with rare_collections():
                    self._session, self._client = _make_client(self._location, self._options)
            return self._client


class Refusal(Exception):
    """An answer that says no."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


def _without_key_errors() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto

    return (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.ProfileNotFound,
        boto.ConfigParseError,
    )


def _make_client(location: S3Location, options: S3Options) -> tuple[Any, Any]:
    from botocore.config import Config
    from botocore.handlers import add_expect_header
    from botocore.session import Session

    session = Session(profile=options.profile)
    loader = make_model_loader(session.get_config_variable("data_path"))
    session.register_component("data_loader", loader)
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        max_pool_connections=_CONNECTIONS,
        tcp_keepalive=True,
        # Only the location says where a repository is.
        ignore_configured_endpoint_urls=True,
        # We send checksums of our own, and prove what we read by its name.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": choose_addressing(location, options.addressing)},
    )
    client = session.create_client(
        "s3",
        region_name=_choose_region(session, location, options),
        # Amazon's own client finds the endpoint of a region, and of a bucket that is elsewhere.
        endpoint_url=None if location.is_aws else location.endpoint,
        config=config,
    )
    # "May I send?" before each upload costs a round trip.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    client.meta.events.register("before-sign.s3.PutObject", sign_proof_alone)
    client.meta.events.register("before-send.s3", send_at_pace)
    ask_the_silent_once(client)
    return session, client


def _choose_region(session: Any, location: S3Location, options: S3Options) -> str:
    named = options.region or location.region
    configured = session.get_config_variable("region") or os.environ.get("AWS_REGION")
    return str(named or configured or _DEFAULT_REGION)


def _reason(facts: Mapping[str, Any]) -> str:
    """The last part of a chain of exceptions that were all turned into text."""
    text = str(facts.get("error") or "no answer in time")
    return text.rpartition(": ")[2].strip(")'\" ") or text
