from datetime import date

import pytest

from lpse_ops.inventory.look import Beside, look
from lpse_ops.inventory.strayed import strayed_children
from tests.inventory.judges import write_site


def strayed(tmp_path, monkeypatch, text: str, **files: str) -> list[tuple[str, str]]:
    monkeypatch.chdir(write_site(tmp_path, {"hosts.yml": text, **files}))
    seen = look(sorted(["hosts.yml", *files]), Beside(date(2027, 1, 15)))
    return [(group.name, near) for group, near in strayed_children(seen)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("webserver: {hosts: {a: }}\nsite: {children: {webservre: }}\n", "webservre webserver"),
        ("webserver: {hosts: {a: }}\nsite: {children: {webserver: }}\n", ""),
        # It has something of its own, or nothing is near.
        ("webserver: {hosts: {a: }}\nsite: {children: {webservre: {hosts: {b: }}}}\n", ""),
        ("webserver: {hosts: {a: }}\nsite: {children: {webservre: {vars: {x: 1}}}}\n", ""),
        ("webserver: {hosts: {a: }}\nsite: {children: {database: }}\n", ""),
        ("webserver: {hosts: {}}\nsite: {children: {webservre: }, hosts: {a: }}\n", ""),
    ],
)
def test_a_child_that_holds_nothing_and_is_near_to_one_that_does(
    text, found, tmp_path, monkeypatch
):
    expected = [tuple(found.split())] if found else []
    assert strayed(tmp_path, monkeypatch, text) == expected


def test_a_program_may_give_it_hosts(tmp_path, monkeypatch):
    text = "webserver: {hosts: {a: }}\nsite: {children: {webservre: }}\n"
    assert strayed(tmp_path, monkeypatch, text, script="#!/bin/sh\n") == []
