import pytest

from lpse_ops.postgres.database import Database
from lpse_ops.postgres.programs import program_failed
from lpse_ops.process import Finished

ERROR = 'pg_restore: error: could not execute query: ERROR:  role "app" does not exist\n'
MAPPING = "Command was: CREATE USER MAPPING FOR app SERVER s OPTIONS (\n    password 'GEHEIM'\n);\n"
COPY = (
    'pg_restore: error: COPY failed for table "t": ERROR:  new row violates a check\n'
    "DETAIL:  Failing row contains (1, GEHEIM).\n"
    'CONTEXT:  COPY t, line 1: "1\tGEHEIM"\n'
)


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (ERROR + MAPPING, 'role "app" does not exist'),
        (f"    password 'GEHEIM'\n);\n{ERROR}", 'role "app" does not exist'),
        (COPY, "new row violates a check"),
        (COPY + ERROR, 'role "app" does not exist'),
        ("cannot load libpq.so.5\n", "cannot load libpq.so.5"),
    ],
)
def test_errors_hold_no_rows_and_no_statements(stderr: str, said: str):
    failed = program_failed("pg_restore", Database("epns", ""), Finished(1, b"", stderr))
    assert "GEHEIM" not in failed.message
    assert failed.message.endswith(said)


def test_the_hint_is_that_of_the_whole_message():
    failed = program_failed("pg_restore", Database("epns", ""), Finished(1, b"", ERROR + MAPPING))
    assert "restore the globals" in failed.hint
