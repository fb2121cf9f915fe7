"""A site as its users and its administrator see it: pages, documents, rows, releases, power."""

import contextlib
import hashlib
import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.lab.lab import Finished, Host
from tests.lab.waiting import wait_until
from tests.spselab.controller import SERVER_NAME
from tests.spselab.polling import Poll, polling

RUNNER = ("/usr/bin/python3", "/usr/local/lib/lpse-ops/steprunner", "--format", "json")
STATE = "/var/lib/lpse-ops/upgrade"
DOCUMENTS = "/home/file/file_prod"
LOGIN = f"https://{SERVER_NAME}/eproc4/login"
_COUNTS = """
SELECT string_agg(format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename,
                         schemaname, tablename), ' UNION ALL ')
FROM pg_tables WHERE schemaname IN ('public', 'ekontrak')
"""
# Of what no migration changes: a hash of all rows.
_CONTENTS = """
SELECT 'dok_penawaran', md5(string_agg(concat_ws('|', dok_id, psr_id, dok_judul, dok_file,
       dok_ukuran, dok_tgljam), E'\\n' ORDER BY dok_id)) FROM public.dok_penawaran
UNION ALL
SELECT 'paket', md5(string_agg(concat_ws('|', pkt_id, pkt_nama, pkt_pagu), E'\\n' ORDER BY pkt_id))
FROM public.paket
UNION ALL
SELECT 'peserta', md5(string_agg(concat_ws('|', psr_id, lls_id, rkn_id, psr_harga), E'\\n'
       ORDER BY psr_id)) FROM public.peserta
"""


@dataclass(frozen=True)
class Page:
    status: int
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


@dataclass(frozen=True)
class Data:
    """What no upgrade and no way back may lose."""

    rows: dict[str, int]
    contents: dict[str, str]
    documents: dict[str, str]

    def missing_in(self, later: "Data") -> list[str]:
        """What was there and is not as it was; new tables and rows of new tables are no loss."""
        lost = [
            f"{table}: {count} rows, later {later.rows.get(table)}"
            for table, count in self.rows.items()
            # Where migrations are remembered.
            if table != "public.spse_migrasi" and later.rows.get(table) != count
        ]
        lost += [f"{name} has other rows" for name in self.contents
                 if self.contents[name] != later.contents.get(name)]  # fmt: skip
        lost += [f"{path} is gone or other" for path in self.documents
                 if self.documents[path] != later.documents.get(path)]  # fmt: skip
        return lost


@dataclass(frozen=True)
class Site:
    host: Host

    # --- as users see it, by the proxy

    def get(self, path: str = "/eproc4/login") -> Page:
        return self._ask("GET", path)

    def upload(self, content: bytes, *, bidder: int = 3, title: str = "Surat Penawaran") -> int:
        """Hand in a bid document; return its number."""
        query = urlencode({"psr": bidder, "judul": title})
        page = self._ask("POST", f"/eproc4/dokumen?{query}", content)
        assert page.status == 200, page
        return int(page.text)

    def download(self, number: int) -> bytes:
        page = self.get(f"/eproc4/dokumen/{number}")
        assert page.status == 200, page
        return page.content

    def version(self) -> str:
        """What the login page says of itself; empty when it is no login page."""
        page = self.get()
        good = page.status == 200 and "User ID" in page.text
        return page.text.partition("SPSE v")[2][:3] if good else ""

    def wait_until_up(self, timeout_seconds: float = 60) -> None:
        """Wait until users get the login page, as after a boot."""
        assert wait_until(self._answers, timeout_seconds=timeout_seconds), self.look()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return bool(self.version())
        return False

    def look(self) -> str:
        """What somebody would look at who is told that it does not work."""
        script = (
            "systemctl --no-pager --failed; systemctl --no-pager status spse apache2; ls -l"
            " /home/appserv /var/www/lpse-ops; tail -n 30 /home/appserv/spse/logs/*.log"
            " /home/appserv/spse/webapp/logs/*.log; ss -ltnp"
        )
        return self.host.run("sh", "-c", script, check=False).stdout

    @contextlib.contextmanager
    def polled(self) -> Iterator[Poll]:
        with polling(LOGIN, self.host.address, "User ID", interval=0.1) as poll:
            yield poll

    def _ask(self, method: str, path: str, content: bytes | None = None) -> Page:
        # The certificate is for trial; what it is like is the health proof's question.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(self.host.address, timeout=30, context=context)
        try:
            connection.request(method, path, content, {"Host": SERVER_NAME})
            answer = connection.getresponse()
            return Page(answer.status, answer.read())
        finally:
            connection.close()

    # --- as its administrator sees it

    def lpse_ops(self, *words: str, check: bool = True) -> Finished:
        return self.host.run("lpse-ops", *words, check=check, timeout_seconds=300)

    def back_up(self) -> None:
        """As it is done each night, and looked at: no upgrade begins without."""
        self.lpse_ops("backup", "run")
        self.lpse_ops("backup", "check")

    def runner(self, *words: str, check: bool = False) -> Finished:
        return self.host.run(*RUNNER, *words, check=check, timeout_seconds=300)

    def status(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.runner("status").stdout)
        return shown

    def health(self) -> list[dict[str, Any]]:
        """The checks that are not well."""
        done = self.lpse_ops("spse", "health", "--format", "json", check=False)
        [here] = json.loads(done.stdout)["hosts"]
        checks: list[dict[str, Any]] = here["checks"]
        assert checks, done
        return [each for each in checks if not each["ok"]]

    def query(self, text: str) -> list[list[str]]:
        psql = ("runuser", "-u", "postgres", "--", "psql", "-XAtF\t", "epns_prod")
        said = self.host.run(*psql, stdin=text).stdout
        return [line.split("\t") for line in said.splitlines()]

    def data(self) -> Data:
        [[counting]] = self.query(_COUNTS)
        rows = {table: int(count) for table, count in self.query(counting)}
        contents = {row[0]: row[1] for row in self.query(_CONTENTS)}
        find = f"cd {DOCUMENTS} && find . -type f -print0 | sort -z | xargs -0r sha256sum"
        lines = self.host.run("sh", "-c", find).stdout.splitlines()
        documents = {line[66:]: line[:64] for line in lines}
        return Data(rows, contents, documents)

    def databases(self) -> list[str]:
        return sorted(row[0] for row in self.query("SELECT datname FROM pg_database"))

    def configuration(self) -> dict[str, str]:
        """application.conf of the release in use."""
        folder = "/home/appserv/spse"
        file = f"$(ls {folder}/conf/application.conf {folder}/webapp/conf/application.conf)"
        text = self.host.run("sh", "-c", f"cat {file} 2>/dev/null").stdout
        pairs = [line.partition("=") for line in text.splitlines() if "=" in line]
        return {key: value for key, _, value in pairs if not key.startswith("#")}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
