from pathlib import Path

import pytest

from tests.standin.toolchain import compile_java, find_driver, say_missing_java


def test_an_installed_driver_is_taken(tmp_path: Path) -> None:
    installed = tmp_path / "postgresql.jar"
    installed.write_bytes(b"PK")
    assert find_driver(installed) == installed


def test_else_it_comes_from_debian_into_the_cache(tmp_path: Path) -> None:
    driver = find_driver(tmp_path / "nothing.jar")
    assert driver.read_bytes().startswith(b"PK\x03\x04")
    assert find_driver(tmp_path / "nothing.jar") == driver


def test_source_that_does_not_compile_is_named(tmp_path: Path) -> None:
    if reason := say_missing_java():
        pytest.skip(reason)
    (tmp_path / "Salah.java").write_text("class Salah { int x = }\n")
    with pytest.raises(RuntimeError, match=r"Salah\.java:1: error"):
        compile_java(tmp_path)


def test_without_java_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install --no-install-recommends default-jre-headless" in str(say_missing_java())
