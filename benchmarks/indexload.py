"""``python -m benchmarks.indexload``: what a repository of a million blobs costs every command.

Both tools write one tiny file of it to standard output, in turn and without a cache: nearly all
of that is the loading of the index.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from random import Random

from benchmarks.measure import MIB, Measured, measure
from benchmarks.tools import Tool, find_ours, find_restic
from lpse_ops.backup.indexfile import PackList
from lpse_ops.backup.pack import BlobType, PackEntry
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storing import open_cheap, store

INDEX_FILES = 25
BLOBS_IN_PACK = 400
_BLOB_BYTES = 40_000
_DUMP = {"lpse-ops": ["backup", "dump"], "restic": ["dump"]}


def make_repository(root: Path, data: Path, blobs: int) -> None:
    """A real snapshot of ``data``, and indexes of packs that nobody asks for."""
    init_cheaply(root)
    store(root, data)
    repository, random = open_cheap(root), Random(1)
    for _ in range(INDEX_FILES):
        packs = range(blobs // INDEX_FILES // BLOBS_IN_PACK)
        repository.save_index([_make_pack(random) for _ in packs])


def _make_pack(random: Random) -> PackList:
    entries: list[PackEntry] = []
    offset = 0
    for _ in range(BLOBS_IN_PACK):
        length = random.randrange(100, 2 * _BLOB_BYTES)
        blob_id = random.randbytes(32)
        entries.append(PackEntry(BlobType.DATA, blob_id, offset, length, 2 * length))
        offset += length
    return random.randbytes(32), entries


def _run(tool: Tool, folder: Path, file: Path) -> Measured:
    argv = [str(tool.program), *_DUMP[tool.name], "--no-cache", "latest", str(file)]
    environment = tool.environment(folder / "repository", folder / "password")
    return measure(argv, environment, folder / "log")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.indexload", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (5)")
    parser.add_argument("--blobs", type=int, default=1_000_000, help="size of the index (1000000)")
    options = parser.parse_args()
    tools = (find_ours(), find_restic())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "data" / "tiny.txt"
        file.parent.mkdir()
        file.write_text("tiny\n")
        (folder / "password").touch(mode=0o600)
        (folder / "password").write_text(PASSWORD)
        make_repository(folder / "repository", file.parent, options.blobs)
        runs = [[_run(tool, folder, file) for tool in tools] for _ in range(options.runs)]
    for tool, measured in zip(tools, zip(*runs, strict=True), strict=True):
        seconds = statistics.median(each.seconds for each in measured)
        cpu = statistics.median(each.cpu_seconds for each in measured)
        peak = statistics.median(each.max_rss_bytes for each in measured)
        print(
            f"{tool.name} {tool.version}: {seconds:.2f} s, {cpu:.2f} s of CPU,"
            f" {peak / MIB:.0f} MiB at most"
        )


if __name__ == "__main__":
    main()
