"""Messages as bytes, cut in every way that a stream can cut them."""

import pytest

from lpse_ops.backup.storage.sftppackets import (
    MAX_MESSAGE_BYTES,
    Ask,
    Attributes,
    BadAnswer,
    Fields,
    Incoming,
    attributes,
    parse_extensions,
    parse_names,
    parse_status,
    request,
    tame,
    text,
    u32,
    u64,
)


def view(*fields: bytes) -> memoryview:
    return memoryview(b"".join(fields))


def test_a_request_as_the_draft_has_it() -> None:
    expected = b"\0\0\0\x15\x06\0\0\0\x07\0\0\0\x01h\0\0\0\0\0\0\0\x02ab"
    assert request(Ask.WRITE, 7, text(b"h"), u64(2), b"ab")[:4] == b"\0\0\0\x14"
    assert request(Ask.WRITE, 7, text(b"h"), u64(2), b"abc") == expected + b"c"
    assert request(Ask.INIT, 3) == b"\0\0\0\x05\x01\0\0\0\x03"
    assert attributes() == b"\0\0\0\0"
    assert attributes(0o400) == b"\0\0\0\x04\0\0\x01\x00"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_is_cut_into_its_messages(size: int) -> None:
    messages = [request(Ask.WRITE, number, bytes(number * 7)) for number in range(1, 30)]
    stream = b"".join(messages)
    incoming = Incoming()
    found = []
    for begin in range(0, len(stream), size):
        incoming.feed(stream[begin : begin + size])
        while (answer := incoming.next()) is not None:
            found.append((answer.number, len(answer.body)))
    assert found == [(number, number * 7) for number in range(1, 30)]


@pytest.mark.parametrize("size", [0, 4, MAX_MESSAGE_BYTES + 1, 0xFFFFFFFF])
def test_absurd_lengths_are_refused_before_they_are_waited_for(size: int) -> None:
    incoming = Incoming()
    incoming.feed(u32(size))
    with pytest.raises(BadAnswer, match=f"a message of {size} bytes"):
        incoming.next()


def test_attributes_hold_what_was_told_and_no_more() -> None:
    told = view(u32(1 | 2 | 4 | 8 | 0x80000000), u64(5), bytes(8), u32(0o100400), u32(1), u32(9))
    more = view(told, u32(1), text(b"a"), text(b"b"), b"rest")
    fields = Fields(more)
    assert fields.attributes() == Attributes(5, 0o100400, 9)
    assert bytes(fields.take(4)) == b"rest"
    assert Fields(view(u32(0))).attributes() == Attributes(None, None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        u32(1)[:3],
        u32(2) + text(b"a") + text(b"") + attributes(),
        u32(1) + u32(100) + b"a",
        u32(1) + text(b"a") + text(b"") + u32(0x80000000) + u32(0xFFFFFFFF),
        u32(0),
    ],
)
def test_a_listing_that_is_cut_off(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        list(parse_names(memoryview(body)))


def test_what_a_server_says_is_short_and_harmless() -> None:
    said = b"\x1b[31mfull\r\n\x07" + b"\xff" + b"x" * 10_000
    code, shown = parse_status(view(u32(4), text(said), text(b"en")))
    assert code == 4
    assert shown.startswith(" [31mfull   \N{REPLACEMENT CHARACTER}xxx")
    assert shown.isprintable()
    assert len(shown) == 200
    assert parse_status(view(u32(1))) == (1, "")
    assert tame(b" plain \n") == "plain"


def test_extensions() -> None:
    body = view(text(b"fsync@openssh.com"), text(b"1"), text(b"x"), text(b""))
    assert parse_extensions(body) == {b"fsync@openssh.com": b"1", b"x": b""}
    with pytest.raises(BadAnswer):
        parse_extensions(view(text(b"alone")))
