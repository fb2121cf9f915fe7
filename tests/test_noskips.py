import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

def test_good():
    pass

@pytest.mark.skipif(SKIP, reason="needs something")
def test_skipped():
    pass
"""


def run_pytest(
    folder: Path, *options: str, skip: bool, ci: str = ""
) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("noskips.py"), folder / "conftest.py")
    (folder / "test_sample.py").write_text(TESTS.replace("SKIP", str(skip)))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "CI": ci},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_skip_fails_the_run_only_when_skips_are_forbidden(tmp_path, workers):
    allowed = run_pytest(tmp_path, *workers, skip=True)
    forbidden = run_pytest(tmp_path, *workers, "--no-skips", skip=True)
    assert (allowed.returncode, forbidden.returncode) == (0, 1)
    assert "collected 2 tests, 1 skipped" in forbidden.stdout
    assert "proves nothing" in forbidden.stdout


def test_without_a_skip_the_run_passes_and_prints_the_count(tmp_path):
    done = run_pytest(tmp_path, "--no-skips", skip=False)
    assert done.returncode == 0
    assert "collected 2 tests, 0 skipped" in done.stdout


def test_ci_forbids_skips_by_itself(tmp_path):
    assert run_pytest(tmp_path, skip=True, ci="1").returncode == 1
