"""The real restic, oldest and newest that matter: 0.14.0 of bookworm and Debian's newest.

Both come as packages through the machine's own apt configuration, into a cache outside the tree.
``python -m tests.restic_binaries`` fetches them and prints their paths.  Deleting the cache
(``~/.cache/lpse-ops-tests``) makes the next run look for a newer restic.
"""

import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cached import cache_folder, locked

OLD_SUITE = "bookworm"
# unstable and experimental hold the newest of nearly everything; the others are asked only when
# these two have no restic, because every suite costs up to 10 MB.
NEW_SUITES = ("sid", "experimental")
OTHER_SUITES = ("testing", "trixie", "trixie-backports", "bookworm-backports")
DEBIAN_SUITES = {"stable", "testing", "unstable", OLD_SUITE, "trixie", "forky", *NEW_SUITES}


@dataclass(frozen=True)
class Restic:
    """One restic program."""

    path: Path
    version: str

    def run(
        self,
        *args: str | bytes | Path,
        repo: Path | str,
        password: str,
        input: bytes | None = None,  # noqa: A002
        check: bool = True,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it on a repository; stdout and stderr are bytes.  ``env`` adds to the environment."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RESTIC_")}
        environment |= {"RESTIC_PASSWORD": password, **(env or {})}
        argv = [str(self.path), "--repo", str(repo), "--no-cache", *args]
        done = subprocess.run(argv, input=input, capture_output=True, cwd=cwd, env=environment)
        if check and done.returncode != 0:
            raise AssertionError(
                f"restic {self.version} ended with {done.returncode}: {argv[4:]}\n"
                + done.stderr.decode(errors="replace")
                + done.stdout.decode(errors="replace")
            )
        return done

    def json(self, *args: str | bytes | Path, repo: Path | str, password: str) -> Any:
        """Return what ``--json`` prints, for commands that print one document."""
        return json.loads(self.run(*args, "--json", repo=repo, password=password).stdout)

    def json_lines(self, *args: str | bytes | Path, repo: Path | str, password: str) -> list[Any]:
        """Return what ``--json`` prints, for commands that print one document a line."""
        done = self.run(*args, "--json", repo=repo, password=password)
        return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass(frozen=True)
class Binaries:
    old: Restic
    new: Restic


def find_restics() -> Binaries:
    """Fetch both once; later calls, also of other processes, find them in the cache."""
    cache = cache_folder("restic")
    with locked(cache):
        versions = cache / "versions.json"
        if not versions.is_file():
            found = _fetch(cache)
            versions.write_text(json.dumps(found), encoding="utf-8")
        found = json.loads(versions.read_text(encoding="utf-8"))
    return Binaries(_restic(cache, found["old"]), _restic(cache, found["new"]))


def _restic(cache: Path, debian_version: str) -> Restic:
    return Restic(_binary(cache / debian_version), debian_version.partition("-")[0])


def _binary(folder: Path) -> Path:
    return folder / "usr" / "bin" / "restic"


def _fetch(cache: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        apt = _PrivateApt(Path(scratch))
        available = apt.restic_versions((OLD_SUITE, *NEW_SUITES))
        if not any(suite in available for suite in NEW_SUITES):
            available = apt.restic_versions((OLD_SUITE, *OTHER_SUITES))
        if OLD_SUITE not in available:
            raise RuntimeError("apt offers no restic of bookworm: does apt-get update work here?")
        found = {"old": available[OLD_SUITE], "new": newest(available.values())}
        for version in set(found.values()):
            apt.unpack_restic(version, cache / version)
    return found


class _PrivateApt:
    """apt with lists and cache of its own, so that the machine's stay as they are."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        for folder in ("lists/partial", "cache/archives/partial", "download"):
            (scratch / folder).mkdir(parents=True)
        self._sources = scratch / "debian.sources"

    def restic_versions(self, suites: Iterable[str]) -> dict[str, str]:
        """Return suite -> version, for those of ``suites`` that can be reached."""
        self._sources.write_text(render_sources(find_debian_archives(), suites), encoding="utf-8")
        # Its exit status is no use: one suite that does not exist makes it 100.
        self._run("apt-get", "update", check=False)
        return parse_madison(self._run("apt-cache", "madison", "restic"))

    def unpack_restic(self, version: str, target: Path) -> None:
        if _binary(target).is_file():
            return
        self._run("apt-get", "download", f"restic={version}")
        for package in (self._scratch / "download").glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, target], check=True)
            package.unlink()

    def _run(self, program: str, *args: str, check: bool = True) -> str:
        settings = {
            "Dir::State::lists": self._scratch / "lists",
            "Dir::Cache": self._scratch / "cache",
            "Dir::Etc::sourcelist": self._sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        done = subprocess.run(
            [program, *options, *args],
            cwd=self._scratch / "download",
            capture_output=True,
            text=True,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(args)}: {done.stderr}")
        return done.stdout


def newest(versions: Iterable[str]) -> str:
    def compare(left: str, right: str) -> int:
        argv = ["dpkg", "--compare-versions", left, "lt", right]
        return -1 if subprocess.run(argv).returncode == 0 else 1

    return max(versions, key=functools.cmp_to_key(compare))


def parse_madison(text: str) -> dict[str, str]:
    """Parse lines like ``restic | 0.14.0-1+b5 | http://... bookworm/main amd64 Packages``."""
    rows = [[field.strip() for field in line.split("|")] for line in text.splitlines()]
    return {
        source.split()[1].partition("/")[0]: version
        for _, version, source in rows
        if source.endswith(" Packages")
    }


# --- where this machine gets its Debian packages from ---------------------------------------------


def find_debian_archives(etc_apt: Path = Path("/etc/apt")) -> list[dict[str, str]]:
    """Return a deb822 paragraph for every configured source of plain Debian suites."""
    parts = etc_apt / "sources.list.d"
    lists = [etc_apt / "sources.list", *sorted(parts.glob("*.list"))]
    paragraphs = [
        *(p for f in sorted(parts.glob("*.sources")) for p in parse_deb822(f.read_text())),
        *(p for f in lists if f.is_file() for p in parse_one_line(f.read_text())),
    ]
    return [p for p in paragraphs if _is_debian_archive(p)]


def _is_debian_archive(paragraph: Mapping[str, str]) -> bool:
    return (
        "deb" in paragraph.get("types", "deb").split()
        and "main" in paragraph.get("components", "").split()
        and paragraph.get("enabled", "yes").lower() not in ("no", "false", "0")
        and not DEBIAN_SUITES.isdisjoint(paragraph.get("suites", "").split())
    )


def parse_deb822(text: str) -> Iterator[dict[str, str]]:
    """Yield paragraphs; field names in lower case, continuation lines kept as they are."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for block in "\n".join(lines).split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1].isspace():
                fields[name] += "\n" + line
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.lower()
                fields[name] = value.strip()
        if fields:
            yield fields


def parse_one_line(text: str) -> Iterator[dict[str, str]]:
    """Yield the same for ``deb [signed-by=...] URI suite component...``."""
    for line in text.splitlines():
        kind, _, rest = line.partition("#")[0].strip().partition(" ")
        if kind != "deb":
            continue
        options = ""
        if rest.lstrip().startswith("["):
            options, _, rest = rest.lstrip()[1:].partition("]")
        uri, suite, *components = rest.split()
        named = dict(option.split("=", 1) for option in options.split())
        yield {
            "types": "deb",
            "uris": uri,
            "suites": suite,
            "components": " ".join(components),
            **{name: value for name, value in named.items() if name in ("signed-by", "trusted")},
        }


def render_sources(archives: list[dict[str, str]], suites: Iterable[str]) -> str:
    """Return the text of a ``.sources`` file: the same archives, other suites."""
    wanted = {"types": "deb", "suites": " ".join(suites), "components": "main"}
    unique = {archive["uris"]: {**archive, **wanted} for archive in archives}
    return "\n\n".join(
        "\n".join(f"{name}: {value}" for name, value in paragraph.items())
        for paragraph in unique.values()
    )


if __name__ == "__main__":
    binaries = find_restics()
    print(binaries.old.path)
    print(binaries.new.path)
