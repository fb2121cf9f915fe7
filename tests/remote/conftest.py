"""Agents that several tests share; each test that ends one opens its own."""

import pytest

from tests.remote.agents import find_pythons, open_links


@pytest.fixture(scope="session", params=find_pythons())
def link(request):
    """A link to an agent on this machine."""
    links = open_links(python=request.param)
    yield links.link()
    links.close()


@pytest.fixture
def links():
    """Links of a test's own, closed at its end."""
    opened = []

    def open_more(**options):
        opened.append(open_links(**options))
        return opened[-1]

    yield open_more
    for each in opened:
        each.close()
