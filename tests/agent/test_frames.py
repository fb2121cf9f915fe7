"""Frames: what goes in comes out, however it is torn; no bytes of a stranger do harm."""

import itertools
import json
import os
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse_ops.agent import frames

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.text(), JSON, max_size=4)
MESSAGES = st.tuples(
    st.integers(0, 127),
    st.integers(0, 2**32 - 1),
    HEADERS,
    st.lists(st.binary(max_size=3000), max_size=4),
    st.booleans(),
)


def encode(message):
    kind, number, header, segments, compress = message
    return frames.encode(kind, number, header, segments, compress=compress)


def torn(stream, cuts):
    """The stream in pieces."""
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    return [stream[start:end] for start, end in itertools.pairwise(places)]


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(0, 20_000), max_size=20))
def test_what_goes_in_comes_out_however_it_is_torn(messages, cuts):
    decoder = frames.Decoder()
    stream = b"".join(map(encode, messages))
    arrived = [frame for piece in torn(stream, cuts) for frame in decoder.feed(piece)]
    assert decoder.is_empty
    opened = [(frame.kind, frame.id, *frame.open()) for frame in arrived]
    assert opened == [(kind, number, header, parts) for kind, number, header, parts, _ in messages]
    assert b"".join(frame.raw for frame in arrived) == stream


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(0, 20_000), max_size=20))
def test_parted_frames_come_in_parts_and_all_of_them(messages, cuts):
    parted = range(0, 128, 2)
    stream = b"".join(map(encode, messages))
    decoder = frames.Decoder(parted)
    arrived = [frame for piece in torn(stream, cuts) for frame in decoder.feed(piece)]
    assert decoder.is_empty
    assert b"".join(frame.raw for frame in arrived) == stream
    kinds = [(kind, number) for kind, number, *_ in messages]
    assert [key for key, _ in itertools.groupby((each.kind, each.id) for each in arrived)] == [
        key for key, _ in itertools.groupby(kinds)
    ]
    whole = [frame.open() for frame in arrived if frame.kind not in parted]
    assert whole == [(each[2], each[3]) for each in messages if each[0] not in parted]


def test_a_part_does_not_wait_for_the_rest():
    content = frames.encode(frames.CONTENT, 3, {}, [b"x" * 1000], compress=False)
    other = frames.encode(frames.BEAT, 0, {})
    decoder = frames.Decoder([frames.CONTENT])
    assert decoder.feed(content[:5]) == []
    assert [frame.raw for frame in decoder.feed(content[5:500])] == [content[:500]]
    assert decoder.feed(b"") == []
    last, beat = decoder.feed(content[500:] + other)
    assert (last.kind, last.id, last.raw) == (frames.CONTENT, 3, content[500:])
    assert beat.raw == other


def test_a_part_before_a_broken_frame_arrives():
    content = frames.encode(frames.CONTENT, 3, {}, [b"x" * 1000], compress=False)
    decoder = frames.Decoder([frames.CONTENT])
    decoder.feed(content[:500])
    assert [frame.raw for frame in decoder.feed(content[500:] + b"\xff" * 50)] == [content[500:]]
    with pytest.raises(frames.FrameError):
        decoder.feed(b"")


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_the_head_of_content_is_what_encode_writes(size):
    content = os.urandom(size)
    whole = frames.encode(frames.CONTENT, 77, {}, [content], compress=False)
    head = frames.content_head(77, size)
    assert head + content == whole
    assert len(head) == frames.CONTENT_HEAD_BYTES
    assert frames.content_size(head) == size


def test_other_heads_are_none_of_content():
    for frame in (
        frames.encode(frames.CONTENT, 7, {"end": True}),
        frames.encode(frames.CREDIT, 7, {}, [b"xxxxx"]),
        frames.encode(frames.CONTENT, 7, {"a": 1}, [b"x"]),
    ):
        assert frames.content_size(frame[: frames.CONTENT_HEAD_BYTES]) is None


def feed_everything(stream):
    """All that a receiver does with a stream; only ``FrameError`` may come of it."""
    decoder = frames.Decoder()
    try:
        for piece in torn(stream, range(0, len(stream), 7)):
            for frame in decoder.feed(piece):
                frame.open()
    except frames.FrameError:
        pass


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_do_harm(stream):
    feed_everything(stream)


@settings(max_examples=300, deadline=None)
@given(MESSAGES, st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1))
def test_no_damage_does_harm(message, damage):
    stream = bytearray(encode(message))
    for place, byte in damage:
        stream[place % len(stream)] = byte
    feed_everything(bytes(stream))


def build(body, kind=frames.DONE):
    return struct.pack(">IBI", len(body) + 5, kind, 1) + body


def segment_table(*sizes):
    return struct.pack(f">H{len(sizes)}I", len(sizes), *sizes)


@pytest.mark.parametrize(
    "stream",
    [
        struct.pack(">IBI", 4, 1, 1),
        struct.pack(">IBI", frames.MAX_BYTES + 1, 1, 1),
        build(b""),
        build(b"\x00"),
        build(b"\x00\x00"),
        build(b"\xff\xff{}"),
        build(segment_table(3) + b"{}"),
        build(segment_table(1) + b"{}"),
        build(segment_table(2) + b"[]"),
        build(segment_table(2) + b"{,"),
        build(segment_table(4) + b'{"\xff}'),
        build(segment_table(100_000) + b"[" * 100_000),
        build(segment_table(2, 0xFFFFFFFF) + b"{}"),
        build(b"no zlib", frames.DONE | 0x80),
        build(zlib.compress(segment_table(2) + b"{}")[:-1], frames.DONE | 0x80),
        build(zlib.compress(segment_table(2) + b"{}") + b"more", frames.DONE | 0x80),
        build(zlib.compress(bytes(frames.MAX_BYTES + 1)), frames.DONE | 0x80),
    ],
    ids=lambda stream: stream[:30].hex(),
)
def test_broken_frames_are_refused(stream):
    with pytest.raises(frames.FrameError):
        [frame.open() for frame in frames.Decoder().feed(stream)]


def test_what_came_before_a_broken_frame_arrives():
    decoder = frames.Decoder()
    good = frames.encode(1, 2, {})
    assert [frame.raw for frame in decoder.feed(good + b"\xff" * 100)] == [good]
    for more in (b"", good):
        with pytest.raises(frames.FrameError):
            decoder.feed(more)


def test_a_length_alone_takes_no_memory():
    decoder = frames.Decoder()
    assert decoder.feed(struct.pack(">IBI", frames.MAX_BYTES, 1, 1)) == []
    assert not decoder.is_empty


def test_many_small_pieces_of_a_large_frame_take_no_time():
    """Each piece is looked at once: a quadratic decoder would copy terabytes here."""
    stream = frames.encode(1, 1, {}, [os.urandom(8 << 20)])
    decoder = frames.Decoder()
    arrived = [
        frame
        for start in range(0, len(stream), 16)
        for frame in decoder.feed(stream[start : start + 16])
    ]
    assert [frame.raw for frame in arrived] == [stream]


def test_too_much_is_refused_before_it_is_sent():
    with pytest.raises(frames.FrameTooLarge):
        frames.encode(1, 1, {}, [bytes(frames.MAX_BYTES)])


def test_only_what_gets_smaller_is_compressed():
    text = b"lpse " * 1000
    noise = os.urandom(5000)
    assert len(frames.encode(1, 1, {}, [text])) < 1000
    assert len(frames.encode(1, 1, {}, [text], compress=False)) > 5000
    assert len(frames.encode(1, 1, {}, [noise])) < 5100
    assert noise in frames.encode(1, 1, {}, [noise])


def test_what_json_does_not_have_becomes_text():
    header = {"bytes": b"caf\xe9", "set": {"b", "a"}, "object": 1j, "name": os.fsdecode(b"\xff")}
    (frame,) = frames.Decoder().feed(frames.encode(1, 1, header))
    opened, _ = frame.open()
    assert os.fsencode(opened["bytes"]) == b"caf\xe9"
    assert opened["set"] == ["a", "b"]
    assert opened["object"] == "1j"
    assert os.fsencode(opened["name"]) == b"\xff"
    assert json.dumps(opened).isascii()
