"""How tasks are put into frames."""

import io

from lpse_ops.remote.content import Content, content_of_bytes
from lpse_ops.remote.request import INLINE_BYTES, Item, cut_into_batches, render_item


def sizes_of(batches):
    return [len(batch) for batch in batches]


def test_items_without_content_go_in_one_frame_up_to_a_number():
    assert sizes_of(cut_into_batches([Item({})] * 100)) == [100]
    assert sizes_of(cut_into_batches([Item({})] * 1001)) == [500, 500, 1]
    assert cut_into_batches([]) == []


def test_items_with_content_go_in_frames_of_a_size():
    item = Item({}, content_of_bytes(bytes(INLINE_BYTES)))
    assert sizes_of(cut_into_batches([item] * 130)) == [64, 64, 2]


def test_content_that_is_streamed_takes_no_room():
    item = Item({}, Content(1 << 40, "", lambda: io.BytesIO()))
    assert sizes_of(cut_into_batches([item] * 130)) == [130]


def test_no_item_is_lost_or_moved():
    items = [Item({"n": number}, content_of_bytes(bytes(number * 1000))) for number in range(300)]
    assert [item for batch in cut_into_batches(items) for item in batch] == items


def test_small_content_is_part_of_the_request():
    entry, inline = render_item(7, Item({"a": 1}, content_of_bytes(b"x")))
    assert entry["id"] == 7
    assert entry["content"]["inline"] is True
    assert inline == [b"x"]
