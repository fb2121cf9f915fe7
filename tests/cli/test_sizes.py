import pytest

from lpse_ops.cli.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("2048", 2048),
        ("2048 B", 2048),
        ("1k", 1024),
        ("1Ki", 1024),
        ("512KiB", 512 * 1024),
        ("1.5 MiB", 1_572_864),
        ("2G", 2 * 1024**3),
        ("1TiB", 1024**4),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1M", "1MB", "1 Mbit", "1e3", "٣", "1PiB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="is not a size such as 512KiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.000 KiB"),
        (1_572_864, "1.500 MiB"),
        (1.234 * 1024**3, "1.234 GiB"),
        (5 * 1024**4, "5.000 TiB"),
    ],
)
def test_sizes_are_printed_as_restic_prints_them(size, text):
    assert format_size(size) == text
