"""The releases of the stand-in: what each one's archive is called and what is in it.

Pure: the compiled classes and the JDBC driver come in as bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from tests.standin.archive import Entry, jar

VERSIONS = ("4.3", "4.4", "4.5")
# The folder that everything in an archive is in.
TOP = "spse"
_HERE = Path(__file__).parent
_NOTE_COLUMN = {"4.3": "lls_keterangan", "4.4": "lls_catatan", "4.5": "lls_uraian"}


class Variant(StrEnum):
    """What is wrong with a release."""

    GOOD = "good"
    MIGRATION_FAILS = "migration-fails"
    # The same, and the script ends with 0 nevertheless.
    MIGRATION_FAILS_QUIETLY = "migration-fails-quietly"
    HANGS = "hangs"
    ANSWERS_504 = "answers-504"
    LOGS_ERRORS = "logs-errors"
    TAMPERED = "tampered"
    # ``spse4 migration`` starts the application, which migrates first, and comes back at once.
    MIGRATES_IN_BACKGROUND = "migrates-in-background"
    # Neither the application nor ``spse4 stop`` ends by TERM.
    IGNORES_TERM = "ignores-term"


# How the script's migration is called, where it is not called plainly.
_MIGRATION = {
    Variant.MIGRATION_FAILS_QUIETLY: "migration; exit 0",
    Variant.MIGRATES_IN_BACKGROUND: "start first",
}


@dataclass(frozen=True)
class Release:
    version: str
    variant: Variant = Variant.GOOD

    @property
    def name(self) -> str:
        good = self.variant is Variant.GOOD
        return f"spse-{self.version}" if good else f"spse-{self.version}-{self.variant}"

    @property
    def application(self) -> str:
        """The application's folder below the top: up to 4.3 there is one more."""
        return "webapp" if self.version == "4.3" else ""

    @property
    def log(self) -> str:
        return f"logs/spse{self.version}.log"


# 4.5 is what an upgrade goes wrong with; a script that cannot stop is what it starts from.
RELEASES = (
    *(Release(version) for version in VERSIONS),
    *(Release("4.5", variant) for variant in Variant if variant is not Variant.GOOD),
    Release("4.4", Variant.IGNORES_TERM),
)


def release_entries(release: Release, classes: Mapping[str, bytes], driver: bytes) -> list[Entry]:
    """Everything in the archive of a release."""
    application = f"{TOP}/{release.application}".rstrip("/")
    framework = "play-1.3.3.jar" if release.version == "4.3" else "play-lkpp.jar"
    entries = [
        Entry(f"{TOP}/spse4", render_script(release).encode(), executable=True),
        Entry(f"{TOP}/framework/{framework}", jar(classes)),
        Entry(f"{TOP}/framework/lib/postgresql.jar", driver),
        Entry(f"{application}/conf/application.conf", _read(f"conf/{release.version}.conf")),
        Entry(f"{application}/lib/spse.jar", jar(application_files(release))),
    ]
    if release.version != "4.3":
        entries.append(Entry(f"{TOP}/starter.sh", _read("scripts/starter.sh"), executable=True))
    return entries


def application_files(release: Release) -> dict[str, bytes]:
    """What is in spse.jar: the release's own properties, and the SQL of its migrations."""
    migrations = _find_migrations(release)
    files_ = {f"migrations/{name}.sql": content for name, content in migrations.items()}
    return {"spse.properties": render_properties(release, list(migrations)).encode(), **files_}


def render_properties(release: Release, migrations: list[str]) -> str:
    faults = (Variant.HANGS, Variant.ANSWERS_504, Variant.LOGS_ERRORS)
    home = (
        f"SELECT pkt_nama, {_NOTE_COLUMN[release.version]} FROM public.lelang_seleksi"
        " JOIN public.paket USING (pkt_id) ORDER BY lls_id DESC LIMIT 20"
    )
    lines = {
        "version": release.version,
        "fault": release.variant if release.variant in faults else "none",
        "home.query": home,
        "keeps.sha256": str(release.version != "4.3").lower(),
        "migrations": " ".join(migrations),
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def render_script(release: Release) -> str:
    stubborn = release.variant is Variant.IGNORES_TERM
    # The JVM keeps a signal ignored that was ignored when it began.
    ignore = "trap '' TERM"
    wait = 'while kill -0 "$(cat server.pid)" 2>/dev/null; do sleep 1; done'
    kill = (
        f'{ignore}; kill "$(cat server.pid)"; {wait}' if stubborn else 'kill -9 "$(cat server.pid)"'
    )
    text = _read("scripts/spse4").decode()
    for mark, replacement in {
        "@APP@": f"/{release.application}" if release.application else "",
        "    @BEFORE_JAVA@\n": f"    {ignore}\n" if stubborn else "",
        "@KILL@": kill,
        "@MIGRATION@": _MIGRATION.get(release.variant, "migration"),
    }.items():
        text = text.replace(mark, replacement)
    if release.variant is Variant.TAMPERED:
        text += "# a line that LKPP did not write\n"
    return text


def _find_migrations(release: Release) -> dict[str, bytes]:
    """Name -> SQL from the first to those of the release, in the order they are run."""
    schema = files("lpse_ops.spse").joinpath("sample_schema.sql").read_bytes()
    found = {"dasar": schema + _read("migrations/contoh.sql")}
    folders = list(VERSIONS[: VERSIONS.index(release.version) + 1])
    if release.variant in (Variant.MIGRATION_FAILS, Variant.MIGRATION_FAILS_QUIETLY):
        folders.append("fails")
    for folder in folders:
        for file in sorted((_HERE / "migrations" / folder).glob("*.sql")):
            where = release.version if folder == "fails" else folder
            found[f"{where}/{file.stem}"] = file.read_bytes()
    return found


def _read(name: str) -> bytes:
    return (_HERE / name).read_bytes()
