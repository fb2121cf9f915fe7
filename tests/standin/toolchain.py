"""What the stand-in is made with: the compiler of the JRE, and PostgreSQL's JDBC driver.

Both are Debian's: default-jre-headless, whose ``java`` can compile, and libpostgresql-jdbc-java,
which is fetched into the tests' cache where it is not installed.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cached import cache_folder, locked

# Runs wherever this or a later Java does; EL 8 and 9 have it too.
JAVA_RELEASE = "17"
JRE_PACKAGE = "default-jre-headless"
DRIVER_PACKAGE = "libpostgresql-jdbc-java"
_INSTALLED_DRIVER = Path("/usr/share/java/postgresql.jar")


def say_missing_java() -> str | None:
    """Return what to type when there is no Java here."""
    if shutil.which("java"):
        return None
    return f"the stand-in for SPSE needs: apt-get install --no-install-recommends {JRE_PACKAGE}"


def java_version() -> str:
    done = subprocess.run(["java", "-version"], check=True, capture_output=True, text=True)
    return done.stderr


def compile_java(sources: Path) -> dict[str, bytes]:
    """Return path -> content of the classes of all sources below a folder."""
    files = sorted(sources.rglob("*.java"))
    with tempfile.TemporaryDirectory() as scratch:
        compiler = ["java", "-m", "jdk.compiler/com.sun.tools.javac.Main"]
        options = ["--release", JAVA_RELEASE, "-g:none", "-d", scratch]
        done = subprocess.run([*compiler, *options, *files], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the stand-in does not compile:\n{done.stdout}{done.stderr}")
        top = Path(scratch)
        return {str(f.relative_to(top)): f.read_bytes() for f in sorted(top.rglob("*.class"))}


def find_driver(installed: Path = _INSTALLED_DRIVER) -> Path:
    """Return the driver: the installed one, else the one in the cache, fetched at need."""
    if installed.is_file():
        return installed
    cache = cache_folder("jdbc")
    with locked(cache):
        driver = cache / "postgresql.jar"
        if not driver.is_file():
            _fetch_driver(driver)
        return driver


def _fetch_driver(driver: Path) -> None:
    with tempfile.TemporaryDirectory(dir=driver.parent) as scratch:
        # Else apt warns that its own account may not write here.
        fetch = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", DRIVER_PACKAGE]
        done = subprocess.run(fetch, cwd=scratch, capture_output=True, text=True)
        packages = list(Path(scratch).glob("*.deb"))
        if not packages:
            raise RuntimeError(
                f"run: apt-get update; apt-get install {DRIVER_PACKAGE}\n{done.stderr}"
            )
        subprocess.run(["dpkg-deb", "-x", packages[0], scratch], check=True)
        (Path(scratch) / _INSTALLED_DRIVER.relative_to("/")).rename(driver)
