from datetime import timedelta

import click
import pytest

from lpse_ops.cli.parameters import DURATION, SIZE, common_options


def test_values_that_are_read_already_stay():
    assert SIZE.convert(5, None, None) == 5
    assert DURATION.convert(timedelta(hours=1), None, None) == timedelta(hours=1)


@pytest.mark.parametrize("kind", [SIZE, DURATION])
def test_a_wrong_value_is_a_usage_error(kind):
    with pytest.raises(click.BadParameter, match="'x' is not a"):
        kind.convert("x", None, None)


def test_shared_options_need_no_app():
    @click.command()
    @common_options
    def command():
        return "ran"

    assert command.main(["--quiet"], standalone_mode=False) == "ran"
