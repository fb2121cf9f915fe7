"""Warnings of a run."""

import io

from lpse_ops.cli.playbook_warnings import Warnings
from lpse_ops.marked import Origin


def test_each_is_told_once_with_its_place_and_no_secret(tmp_path):
    play = tmp_path / "site.yml"
    play.write_text("a: 1\nb: rahasia\n  c: 3\nd: 4\n")
    stream = io.StringIO()
    warn = Warnings(stream)
    warn.mask = lambda text: text.replace("rahasia", "********")
    for _ in range(2):
        warn("odd \x1b[2J\n[WARNING]: rahasia", Origin(str(play), 3, 3))
    warn("odd")
    warn.has_color = True
    warn("purple")
    assert stream.getvalue() == (
        "[WARNING]: odd \\x1b[2J\\n[WARNING]: ********\n"
        f"Origin: {play}:3:3\n"
        "\n"
        "1 a: 1\n"
        "2 b: ********\n"
        "3   c: 3\n"
        "    ^ column 3\n"
        "\n"
        "[WARNING]: odd\n"
        "\x1b[1;35m[WARNING]: purple\x1b[0m\n"
    )
