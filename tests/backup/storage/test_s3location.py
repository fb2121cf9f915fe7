import pytest

from lpse_ops.backup.storage.backend import CONFIG, FileKind, file_name
from lpse_ops.backup.storage.s3location import (
    S3Location,
    choose_addressing,
    find_file_id,
    is_repository_file,
    is_retained,
    parse_location,
)
from lpse_ops.errors import UsageError

ID = "ab" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://s3.example.id/lpse/repo", S3Location("https://s3.example.id", "lpse", "repo")),
        ("https://s3.example.id/lpse", S3Location("https://s3.example.id", "lpse")),
        ("https://S3.Example.ID:9000/lpse/", S3Location("https://s3.example.id:9000", "lpse")),
        ("http://127.0.0.1:9000/lpse/a/b", S3Location("http://127.0.0.1:9000", "lpse", "a/b")),
        ("http://[::1]:9000/lpse/a", S3Location("http://[::1]:9000", "lpse", "a")),
        ("s3.example.id/lpse/a//b/./c/", S3Location("https://s3.example.id", "lpse", "a/b/c")),
        ("//s3.example.id/lpse/a", S3Location("https://s3.example.id", "lpse", "a")),
        ("https://s3.example.id/lpse/a%20b", S3Location("https://s3.example.id", "lpse", "a b")),
        ("s3.example.id/lpse/a%20b", S3Location("https://s3.example.id", "lpse", "a%20b")),
        ("localhost:9000/lpse", S3Location("https://localhost:9000", "lpse")),
    ],
)
def test_the_forms_of_restic(text: str, expected: S3Location) -> None:
    assert parse_location(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "https://s3.example.id",
        "s3.example.id",
        "https://s3.example.id/ab",
        "https://s3.example.id/lpse?x=y",
        "https://s3.example.id/lpse/#x",
        "https://s3.example.id:port/lpse",
        "https://s3.example.id:99999/lpse",
        "https://s3 example/lpse",
        "https://[::1/lpse",
        "https://s3.example.id/-lpse/x",
        "https://s3.example.id/lpse/../other",
        "https://s3.example.id/lpse/a%2F..%2Fb",
        "https://s3.example.id/lpse/a%00b",
    ],
)
def test_what_is_no_location_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_location(text)
    assert "s3:https://HOST/BUCKET/FOLDER" in refused.value.hint


@pytest.mark.parametrize("text", ["https://AKIA:hunter2@host/lpse/a", "AKIA:hunter2@host/lpse"])
def test_a_key_in_a_location_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError, match="must not hold a key") as refused:
        parse_location(text)
    assert "hunter2" not in refused.value.message + refused.value.hint
    assert "AWS_ACCESS_KEY_ID" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    ["https://s3.example.id/lpse/repo", "http://[::1]:9000/lpse", "https://host/lpse/a b/ü"],
)
def test_a_location_written_out_is_read_as_the_same(text: str) -> None:
    location = parse_location(text)
    written = str(location)
    assert written.startswith("s3:http")
    assert parse_location(written.removeprefix("s3:")) == location


@pytest.mark.parametrize("prefix", ["", "repo", "a/b"])
def test_names_and_keys_are_the_same_behind_the_prefix(prefix: str) -> None:
    location = S3Location("https://host", "lpse", prefix)
    key = location.key("data/ab/cd")
    assert key == (f"{prefix}/data/ab/cd" if prefix else "data/ab/cd")
    assert location.name(key) == "data/ab/cd"


@pytest.mark.parametrize("key", ["data/ab", "repository/data/ab", "other/repo/x", "rep"])
def test_a_key_elsewhere_is_not_ours(key: str) -> None:
    assert S3Location("https://host", "lpse", "repo").name(key) is None


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("s3.amazonaws.com", None),
        ("s3.ap-southeast-3.amazonaws.com", "ap-southeast-3"),
        ("s3-eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3.dualstack.ap-southeast-1.amazonaws.com", "ap-southeast-1"),
    ],
)
def test_the_name_of_an_amazon_endpoint_holds_the_region(host: str, region: str | None) -> None:
    location = parse_location(f"{host}/lpse")
    assert location.is_aws
    assert location.region == region


@pytest.mark.parametrize(
    "host", ["s3.example.id", "s3.amazonaws.com.evil.id", "xs3.amazonaws.com", "127.0.0.1"]
)
def test_others_are_not_amazon(host: str) -> None:
    assert not parse_location(f"{host}/lpse").is_aws


@pytest.mark.parametrize(
    ("place", "asked", "chosen"),
    [
        ("s3.example.id/lpse", "auto", "path"),
        ("s3.example.id/lpse", "virtual", "virtual"),
        ("s3.amazonaws.com/lpse", "auto", "virtual"),
        ("s3.amazonaws.com/lpse", "path", "path"),
        ("s3.amazonaws.com/lpse.example.id", "auto", "path"),
    ],
)
def test_addressing(place: str, asked: str, chosen: str) -> None:
    assert choose_addressing(parse_location(place), asked) == chosen  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "is_ours", "stays"),
    [
        (CONFIG, True, True),
        (file_name(FileKind.PACK, ID), True, True),
        (file_name(FileKind.INDEX, ID), True, True),
        (file_name(FileKind.SNAPSHOT, ID), True, True),
        (file_name(FileKind.KEY, ID), True, True),
        (file_name(FileKind.LOCK, ID), True, False),
        ("lpse/orphans", False, False),
        (f"data/cd/{ID}", False, False),
        (f"snapshots/{ID}x", False, False),
        ("README.txt", False, False),
    ],
)
def test_what_object_lock_holds(name: str, *, is_ours: bool, stays: bool) -> None:
    assert (is_repository_file(name), is_retained(name)) == (is_ours, stays)


def test_an_id_counts_only_where_its_kind_puts_it() -> None:
    assert find_file_id(FileKind.PACK, f"data/ab/{ID}") == ID
    assert find_file_id(FileKind.PACK, f"data/{ID}") is None
    assert find_file_id(FileKind.INDEX, f"index/ab/{ID}") is None
