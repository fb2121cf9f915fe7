"""Copies of the signed log's checkpoints, beside the repository on each medium.

A disk that is carried out, and a bucket whose Object Lock refuses deletion, witness what the log
was.  restic and all our own commands pass over the folder.
"""

from lpse_ops.backup.storage.backend import Backend

WITNESS_FOLDER = "lpse-ops-log"


def witness_name(origin: str, size: int) -> str:
    return f"{WITNESS_FOLDER}/{origin}/{size}.txt"


def save_witness(backend: Backend, origin: str, size: int, content: bytes) -> str:
    """Keep a checkpoint over ``size`` records; return its name.  What is kept is never replaced."""
    name = witness_name(origin, size)
    if not backend.exists(name):
        backend.save(name, content)
    return name
