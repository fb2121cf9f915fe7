"""The wheelhouse has all that an installation without a network asks for."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.spselab.wheels import find_wheels


def test_all_that_is_needed_is_there_and_found_again(tmp_path: Path):
    wheels = find_wheels()
    assert find_wheels() == wheels
    assert {each.suffix for each in wheels.iterdir()} == {".whl"}
    # Nothing is installed, but pip resolves everything as it would be.
    argv = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-index"]
    argv += ["--quiet", "--target", str(tmp_path), "--find-links", str(wheels), "lpse-ops"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [own] = wheels.glob("lpse_ops-*.whl")
    assert "lpse_ops/shipped/roles/spse/files/README.md" in zipfile.ZipFile(own).namelist()
