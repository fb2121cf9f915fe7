"""A template with SPSE installed on it by our own roles, with the sample's rows and documents.

``python -m tests.spselab.installed`` prints where that of SPSE 4.3 is.
"""

import hashlib
import io
import json
import subprocess
import tempfile
from pathlib import Path

from lpse_ops.postgres.scratch import ScratchCluster, find_binaries
from lpse_ops.spse.sample import write_sql
from lpse_ops.spse.sample_documents import plan_documents, write_documents
from tests.cached import cache_folder, locked
from tests.lab.lab import Host
from tests.lab.template import find_template
from tests.spselab.controller import SITE_VARIABLES, Controller, package_variables
from tests.spselab.prepared import find_prepared
from tests.spselab.wheels import find_wheels
from tests.standin.build import Package, find_packages

SEED = 7
_MEGABYTES = 1


def find_installed(name: str = "spse-4.3") -> Path:
    """Return the template with this package; the first one to ask builds it, others wait."""
    package = find_packages()[name]
    made_of = [find_wheels().name, package.archive.parent.name, find_dump().name]
    recipe = [*made_of, json.dumps(SITE_VARIABLES), Path(__file__).read_text()]
    # Dots would do no harm, but nobody expects them in the name of a folder.
    return find_template(
        name.replace(".", "-"),
        "\n".join(recipe),
        lambda host: install(host, package),
        below=find_prepared(),
    )


def install(host: Host, package: Package) -> None:
    """Install on a prepared host, with the sample's data."""
    host.reach_debian(update=False)
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(Path(folder))
        controller.prepare([host])
        ended = controller.our_playbook(
            "install", spse_database_dump=str(find_dump()), **package_variables(package)
        )
        if ended.status != 0:
            raise RuntimeError(f"the installation ended with {ended.status}:\n{ended.text}")
    put_documents(host)


def find_dump() -> Path:
    """The sample's database as LKPP would hand it over: a custom dump."""
    cache = cache_folder("sample")
    plan = plan_documents(_MEGABYTES, SEED)
    text = io.BytesIO()
    write_sql(text, _MEGABYTES, SEED, plan)
    dump = cache / f"{hashlib.sha256(text.getvalue()).hexdigest()[:16]}.dump"
    with locked(cache):
        if not dump.exists():
            _make_dump(text.getvalue(), dump)
    return dump


def put_documents(host: Host) -> None:
    """The files that the sample's rows name, as if they had been handed in."""
    with tempfile.TemporaryDirectory() as folder:
        write_documents(Path(folder), _MEGABYTES, SEED)
        pack = ["tar", "--create", "--owner=appserv", "--group=appserv", f"--directory={folder}"]
        packed = subprocess.run([*pack, "file_prod"], check=True, capture_output=True).stdout
    unpack = host.ssh_argv("tar", "--extract", "--no-overwrite-dir", "--directory=/home/file")
    subprocess.run(unpack, check=True, input=packed)


def _make_dump(text: bytes, dump: Path) -> None:
    young = dump.with_suffix(".new")
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o711)
        with ScratchCluster(Path(folder), binaries=find_binaries()) as cluster:
            url = cluster.url("postgres")
            programs = find_binaries()
            subprocess.run(
                [programs / "psql", "-Xq", "-vON_ERROR_STOP=1", url],
                input=b"CREATE ROLE epns; CREATE DATABASE epns_prod OWNER epns;",
                check=True,
            )
            url = cluster.url("epns_prod")
            subprocess.run(
                [programs / "psql", "-Xq", "-vON_ERROR_STOP=1", url],
                input=b"SET ROLE epns; SET client_min_messages = error;\n" + text,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            dump_it = [programs / "pg_dump", "-Fc", f"--file={young}", url]
            subprocess.run(dump_it, check=True)
    young.rename(dump)


if __name__ == "__main__":
    print(find_installed())
