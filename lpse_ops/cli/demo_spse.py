"""The toy SPSE of the demo: documents from ``spse.sample``, and a database in a scratch cluster."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import Database, parse_database
from lpse_ops.postgres.scratch import ScratchCluster, find_binaries
from lpse_ops.process import Finished, open_program, run
from lpse_ops.spse.sample import change_sql, write_sql
from lpse_ops.spse.sample_documents import Changes, Document, change_documents, write_documents

DATABASE = "epns_prod"
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

    def fill(self, megabytes: int) -> list[Document]:
        """Make documents and a database, each of that size, always the same ones."""
        documents = write_documents(self.folder, megabytes, _SEED)
        _psql(self.cluster.url("postgres"), _writer(f"CREATE DATABASE {DATABASE};\n"))
        _psql(self.url, lambda out: write_sql(out, megabytes, _SEED, documents))
        return documents

    def change(self, documents: list[Document]) -> Changes:
        """Let a day pass: a few documents come, change and go, and rows with them."""
        changes = change_documents(self.folder, documents, _SEED)
        _psql(self.url, lambda out: change_sql(out, changes, _SEED))
        return changes


def _writer(statement: str) -> Callable[[BinaryIO], object]:
    return lambda out: out.write(statement.encode())


def _psql(url: str, write: Callable[[BinaryIO], object]) -> None:
    argv = [find_binaries() / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", url]
    with open_program(argv, pipe="stdin", environment=_environment()) as program:
        pipe = io.BufferedWriter(program.pipe, buffer_size=1 << 20)
        try:
            write(pipe)
            pipe.flush()
            finished = program.wait()
        except BrokenPipeError:
            finished = program.wait()
    if finished.status:
        raise PostgresError()
