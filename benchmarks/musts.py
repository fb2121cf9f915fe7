"""What lpse-ops promises to reach beside restic, and where a run falls short of it."""

from collections.abc import Iterator, Sequence

from benchmarks.bench import Result

# (data set, operation) -> restic's seconds by ours, at least.
_RATIOS = {
    ("large", "first-backup"): 2.0,
    ("small", "first-backup"): 1.0,
    ("small", "unchanged"): 1.5,
    ("large", "restore"): 1.2,
    ("small", "restore"): 1.2,
    ("large", "check-read-data"): 1.2,
    ("small", "check-read-data"): 1.2,
    ("large", "forget-prune"): 1.0,
    ("small", "forget-prune"): 1.0,
}
# Peak memory by restic's, at most, in every operation that works with the data.
_MEMORY = 1.0
_NO_WORK = ("snapshots", "version")


def find_shortfalls(results: Sequence[Result]) -> Iterator[str]:
    """A line for each promise that these results, ours and restic's in turn, do not keep."""
    for ours, restic in zip(results[::2], results[1::2], strict=True):
        wanted = _RATIOS.get((ours.data, ours.operation), 0.0)
        ratio = restic.median_seconds / ours.median_seconds
        if ratio < wanted:
            yield f"{ours.data} {ours.operation}: {ratio:.2f} times as quick, not {wanted:.1f}"
        memory = ours.peak_pss_bytes / restic.peak_pss_bytes
        if memory > _MEMORY and ours.operation not in _NO_WORK:
            yield f"{ours.data} {ours.operation}: {memory:.2f} times the memory"
