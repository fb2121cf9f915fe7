import os
import pwd

import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.account import find_account, reachable_programs
from lpse_ops.process import Account

NOBODY = Account(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone needs another account")


@needs_root
def test_the_first_account_that_exists():
    assert find_account(["no-such-account", "nobody", "postgres"]) == NOBODY


@needs_root
def test_no_account_says_how_to_make_one():
    with pytest.raises(PostgresError) as failed:
        find_account(["no-such-account"])
    assert "useradd" in failed.value.hint


def test_our_own_programs_are_used_where_they_are(tmp_path):
    assert reachable_programs(tmp_path, None, tmp_path / "copies") == tmp_path


@needs_root
def test_programs_out_of_reach_are_named(tmp_path):
    with pytest.raises(PostgresError) as failed:
        reachable_programs(tmp_path, NOBODY, tmp_path / "copies")
    assert failed.value.hint == f"chmod o+x every folder above {tmp_path}"
