"""What is open of a file that is being restored; its bytes are in ``test_restorer``."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from lpse_ops.backup.restoretarget import open_target
from lpse_ops.backup.restorewriter import FileJob
from tests.backup.repositories import file_node


def test_a_descriptor_whose_closing_failed_is_not_closed_again(tmp_path: Path):
    """By then the number may be another file's."""
    with closing(open_target(os.fsencode(tmp_path))) as folder:
        job = FileJob(b"f", file_node(b"f"), folder, b"t", 0, lambda _: None)
        job.direct, job.descriptor = os.pipe()
        number, other = job.direct, job.descriptor
        os.close(number)
        with pytest.raises(OSError, match="Bad file descriptor"):
            job.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(other)
        os.dup2(folder.descriptor, number)
        job.close()
        os.close(number)
