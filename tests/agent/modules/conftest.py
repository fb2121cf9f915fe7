"""What tests share that set a module beside ansible-core's.

``CASES`` of a test file are done by ansible-core's modules once, in one run; give the file an
``xdist_group``, so that it is one run indeed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.sidebyside import Case, Done, assert_same, run_modules, run_ours
from tests.agent.thishost import run_task


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("t")


@pytest.fixture(scope="module")
def theirs(request: pytest.FixtureRequest, top: Path) -> dict[str, Done]:
    return run_modules(request.module.CASES, top / "real")


@pytest.fixture
def assert_as_ansible(theirs: dict[str, Done], top: Path) -> Callable[[Case], None]:
    """Do a case by our module, and fail with what is not as ansible-core's has it."""

    def judge(case: Case) -> None:
        # Both roots are equally long: the size of a link is the length of its target.
        assert_same(run_ours(case, top / "ours", run_task), theirs[case.name])

    return judge
