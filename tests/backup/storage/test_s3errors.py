from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lpse_ops.backup.storage.s3errors import (
    Asked,
    Failure,
    explain_failure,
    read_failure,
    unreachable,
    untrusted,
    without_key,
)
from lpse_ops.backup.storage.s3location import S3Location
from lpse_ops.errors import StorageError, StorageRefused, StorageUnavailable

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ASKED = Asked("store config", S3Location("https://s3.example.id:9000", "lpse"), "WXYZ", NOON)


def response(**error: Any) -> dict[str, Any]:
    facts = {"HTTPStatusCode": 403, "HTTPHeaders": {"date": "Wed, 04 Mar 2026 12:07:00 GMT"}}
    return {"Error": error, "ResponseMetadata": facts}


def test_an_answer_is_read_with_its_time() -> None:
    moment = datetime(2026, 3, 4, 12, 7, tzinfo=UTC)
    assert read_failure(response(Code="AccessDenied", Message="no")) == Failure(
        "AccessDenied", 403, "no", moment
    )


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Error": {}, "ResponseMetadata": {"HTTPStatusCode": "x", "HTTPHeaders": {"date": "x"}}},
        {"ResponseMetadata": {"HTTPHeaders": {"date": "Wed, 99 Mar 2026 12:07:00 GMT"}}},
    ],
)
def test_an_answer_without_anything_is_still_a_failure(answer: dict[str, Any]) -> None:
    failure = read_failure(answer)
    assert (failure.status, failure.server_time) == (0, None)
    assert isinstance(explain_failure(failure, ASKED), StorageError)


def test_text_of_the_server_is_cut_short_and_printable() -> None:
    failure = read_failure(response(Code="X" * 5000, Message="\x1b[2J\n" + "y" * 5000))
    said = explain_failure(failure, ASKED).message
    assert len(said) < 500
    assert said.isprintable()


@pytest.mark.parametrize(
    ("failure", "kind", "message", "hint"),
    [
        (Failure("NoSuchBucket", 404), StorageError, "no bucket lpse",
         "lpse-ops backup init --repo s3:https://s3.example.id:9000/lpse"),
        (Failure("InvalidAccessKeyId", 403), StorageRefused, "the key that ends in WXYZ",
         "AWS_ACCESS_KEY_ID"),
        (Failure("SignatureDoesNotMatch", 403), StorageRefused, "does not accept",
         "AWS_SECRET_ACCESS_KEY"),
        (Failure("ExpiredToken", 400), StorageRefused, "has expired", "AWS_SESSION_TOKEN"),
        (Failure("AccessDenied", 403, "by policy"), StorageRefused,
         "refuses it to the key that ends in WXYZ (AccessDenied: by policy)", "policy of bucket"),
        (Failure("403", 403), StorageRefused, "refuses it", "policy of bucket lpse"),
        (Failure("SlowDown", 503), StorageUnavailable, "SlowDown (HTTP 503)", "try again later"),
        (Failure("InternalError", 500), StorageUnavailable, "InternalError", "unharmed"),
        (Failure("BadDigest", 400), StorageUnavailable, "BadDigest", "unharmed"),
        (Failure("502", 502), StorageUnavailable, "502", "unharmed"),
        (Failure("QuotaExceeded", 403), StorageError, "has no room", "forget --prune"),
        (Failure("InvalidObjectState", 403), StorageError, "archive", "storage_class"),
        (Failure("PermanentRedirect", 301), StorageError, "another region", "region"),
        (Failure("Teapot", 418, "short"), StorageError, "says Teapot: short", "who runs"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_what_to_type(
    failure: Failure, kind: type[StorageError], message: str, hint: str
) -> None:
    error = explain_failure(failure, ASKED)
    assert type(error) is kind
    assert error.message.startswith("cannot store config: ")
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("minutes", "told"), [(7, "7 minutes behind"), (-90, "90 minutes ahead"), (None, "from that")]
)
def test_a_wrong_clock_is_told_with_its_minutes(minutes: int | None, told: str) -> None:
    moment = None if minutes is None else NOON + timedelta(minutes=minutes)
    error = explain_failure(Failure("RequestTimeTooSkewed", 403, "", moment), ASKED)
    assert told in error.message
    assert "timedatectl" in error.hint


def test_a_short_key_id_shows_nothing() -> None:
    error = explain_failure(Failure("InvalidAccessKeyId", 403), ASKED._replace(key_end=""))
    assert "does not accept the key (" in error.message


def test_troubles_without_an_answer() -> None:
    assert "curl -sI https://s3.example.id:9000" in unreachable("refused", ASKED).hint
    assert "AWS_CA_BUNDLE" in untrusted("self-signed certificate", ASKED).hint
    assert "profile" in without_key("no credentials", ASKED).hint
