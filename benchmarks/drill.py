"""``python -m benchmarks.drill``: one restore drill on an SPSE of a usual size, and its report.

1 GB of database and 5 GB of documents, made once from a fixed seed into the cache folder, backed
up and drilled by the very commands that a site types.  Needs about 20 GB of disk and PostgreSQL.
Nothing else should run on the machine meanwhile.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.machine import read_facts
from benchmarks.report import render_facts
from lpse_ops.postgres.scratch import ScratchCluster, find_binaries
from lpse_ops.spse.sample import write_sql
from lpse_ops.spse.sample_documents import plan_documents, write_documents

SEED = 20260101
# Part of the folder's name: to be raised whenever the bytes change.
GENERATION = 1
DATABASE = "epns_prod"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lpse-ops-benchmarks"
_LPSE_OPS = [sys.executable, "-P", "-c", "from lpse_ops.cli.main import main; main()"]


def main() -> int:
    options = _parse_options(sys.argv[1:])
    options.cache.mkdir(parents=True, exist_ok=True)
    data = prepare_data(options.cache, options.documents, options.database)
    # Where the account that runs PostgreSQL for root may pass through.
    with tempfile.TemporaryDirectory(prefix="lpse-ops-bench-", dir=options.scratch) as name:
        run = Path(name)
        run.chmod(0o711)
        print(render_facts(read_facts(run)), flush=True)
        with _open_database(run, data / "spse.sql") as url:
            site = _write_site(run, data, url)
            _timed("backup", site, "backup")
        if options.drop_caches:
            subprocess.run(["sync"], check=True)
            Path("/proc/sys/vm/drop_caches").write_text("3")
        drill = ("--folder", str(run), *(["--verify"] if options.verify else []))
        status = _timed("drill", site, "backup", "drill", *drill)
        reports = sorted((run / "state" / "drills").iterdir())
        if options.json:
            shutil.copyfile(reports[-1], options.json)
    return status


def prepare_data(cache: Path, documents_mb: int, database_mb: int) -> Path:
    """The folder with documents and SQL, which is made if the cache lacks it."""
    folder = cache / f"drill-{documents_mb}-{database_mb}-v{GENERATION}"
    if not folder.is_dir():
        print(f"making the data set {folder.name} ...", flush=True)
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        write_documents(partial / "spse", documents_mb, SEED)
        with (partial / "spse.sql").open("wb") as file:
            write_sql(file, database_mb, SEED, plan_documents(documents_mb, SEED))
        partial.rename(folder)
    return folder


@contextlib.contextmanager
def _open_database(run: Path, sql: Path) -> Iterator[str]:
    """The production server of the time before the disaster; gone at the end of the block."""
    with ScratchCluster(run) as cluster:
        psql = [find_binaries() / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
        create = ["-c", f"CREATE DATABASE {DATABASE}", cluster.url("postgres")]
        subprocess.run([*psql, *create], check=True)
        print("loading the database ...", flush=True)
        with sql.open("rb") as file:
            subprocess.run([*psql, cluster.url(DATABASE)], stdin=file, check=True)
        newest = "UPDATE log_akses SET log_waktu = now() AT TIME ZONE 'Asia/Makassar' "
        one = "WHERE log_id = (SELECT max(log_id) FROM log_akses)"
        subprocess.run([*psql, "-c", newest + one, cluster.url(DATABASE)], check=True)
        query = parse_qs(urlsplit(cluster.url(DATABASE)).query)
        yield f"postgresql://postgres@/{DATABASE}?host={query['host'][0]}&port={query['port'][0]}"


def _write_site(run: Path, data: Path, url: str) -> Path:
    """Settings and an empty repository."""
    password = run / "password"
    password.touch(0o600)
    password.write_text("benchmark\n")
    site = run / "lpse-ops.yml"
    drill = {
        "documents_query": "SELECT dok_file, dok_ukuran FROM dok_penawaran",
        "newest_query": "SELECT max(log_waktu) FROM log_akses",
    }
    backup = {
        "databases": [{"url": url}],
        "paths": [str(data / "spse")],
        "password_file": str(password),
        "destinations": [{"name": "disk-a", "location": str(run / "repo")}],
        "drill": drill,
    }
    zone = {"name": "LPSE Contoh", "slug": "lpse-contoh", "time_zone": "WITA"}
    site.write_text(json.dumps({"site": zone, "backup": backup}))
    _timed("init", site, "backup", "init", "--sheet", str(run / "sheet.txt"))
    return site


def _timed(what: str, site: Path, *command: str) -> int:
    environment = os.environ | {"LPSE_OPS_STATE": str(site.parent / "state")}
    started = time.monotonic()
    done = subprocess.run([*_LPSE_OPS, *command, "--settings", site], env=environment, check=False)
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"-- {what}: {seconds:.1f} s, largest process so far {peak} MiB, exit {done.returncode}")
    if done.returncode and what != "drill":
        raise SystemExit(done.returncode)
    return done.returncode


def _parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drill", description=__doc__)
    parser.add_argument("--documents", type=int, default=5000, metavar="MB")
    parser.add_argument("--database", type=int, default=1000, metavar="MB")
    parser.add_argument("--cache", type=Path, default=_CACHE, metavar="DIR")
    parser.add_argument("--scratch", type=Path, default=Path("/var/tmp"), metavar="DIR")
    parser.add_argument("--verify", action="store_true", help="read every restored file again")
    parser.add_argument("--drop-caches", action="store_true", help="as after a reboot; needs root")
    parser.add_argument("--json", type=Path, metavar="FILE", help="copy the drill's report")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
