from lpse_ops.inventory.layers import Layer, explain, merge
from lpse_ops.inventory.model import Assignment
from lpse_ops.marked import Map, Origin, Text, key_origin

LOW, HIGH = Origin("low.yml", 1, 1), Origin("high.yml", 2, 3)


def layer(origin, **values):
    said = [Assignment(Text(key, origin), value) for key, value in values.items()]
    return Layer(origin.file, "h", said, lambda name: [each for each in said if each.key == name])


def test_the_later_layer_wins_with_its_place():
    merged = merge([layer(LOW, a=1, b=1), layer(HIGH, a=2)])
    assert merged == {"a": 2, "b": 1}
    assert key_origin(merged, "a") == HIGH
    assert key_origin(merged, "b") == LOW


def test_mappings_are_replaced_unless_they_shall_be_merged():
    low, high = layer(LOW, d=Map({"a": Map({"x": 1}), "b": [1]})), layer(HIGH, d=Map({"b": [2]}))
    assert merge([low, high])["d"] == {"b": [2]}
    assert merge([low, high], merge_hashes=True)["d"] == {"a": {"x": 1}, "b": [2]}
    assert dict(low.assignments)["d"] == {"a": {"x": 1}, "b": [1]}


def test_what_lies_below_is_not_changed():
    below = Map({"a": 1})
    assert merge([layer(HIGH, a=2)], below) == {"a": 2}
    assert below == {"a": 1}


def test_a_place_is_told_once_where_it_counts_last():
    layers = [layer(LOW, a=1), layer(HIGH, a=2), layer(LOW, a=1)]
    assert [each.origin for each in explain(layers, "a")] == [HIGH, LOW]
