"""The toy SPSE of the demo: documents from ``spse.sample``, and a database in a scratch cluster."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from lpse_ops.postgres.connection import open_environment
from lpse_ops.postgres.database import Database, parse_database
from lpse_ops.postgres.programs import program_failed
from lpse_ops.postgres.scratch import ScratchCluster, find_binaries
from lpse_ops.process import run
from lpse_ops.spse.sample import change_sql, write_sql
from lpse_ops.spse.sample_documents import Changes, Document, change_documents, write_documents

DATABASE, COPY = "epns_prod", "epns_check"
_SEED = 2026


@dataclass
class ToySpse:
    """Documents in ``folder`` and the database ``epns_prod`` of ``cluster``."""

    cluster: ScratchCluster
    folder: Path

    @property
    def url(self) -> str:
        return self.cluster.url(DATABASE)

    def database(self, name: str) -> Database:
        return parse_database(self.cluster.url(name))

    def make_documents(self, megabytes: int) -> list[Document]:
        """Always the same ones, for ``make_database`` to name."""
        return write_documents(self.folder, megabytes, _SEED)

    def make_database(self, megabytes: int, documents: list[Document]) -> None:
        create = f"CREATE DATABASE {DATABASE};\n".encode()
        _psql(self.database("postgres"), lambda out: out.write(create))
        _psql(self.database(DATABASE), lambda out: write_sql(out, megabytes, _SEED, documents))

    def change(self, documents: list[Document]) -> Changes:
        """Let a day pass: a few documents come, change and go, and rows with them."""
        changes = change_documents(self.folder, documents, _SEED)
        _psql(self.database(DATABASE), lambda out: change_sql(out, changes, _SEED))
        return changes


def _psql(database: Database, write: Callable[[BinaryIO], object]) -> None:
    """Run the SQL that ``write`` writes."""
    with tempfile.NamedTemporaryFile(prefix="lpse-ops-demo-", suffix=".sql") as script:
        write(cast(BinaryIO, script))
        script.flush()
        psql = str(find_binaries() / "psql")
        options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={script.name}"]
        with open_environment(database) as environment:
            finished = run([psql, *options, database.conninfo], environment=environment)
    if finished.status:
        raise program_failed("psql", database, finished)
