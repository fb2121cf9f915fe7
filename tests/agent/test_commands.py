import os
import time

import pytest

from lpse_ops.agent.commands import (
    decode,
    find_program,
    run_command,
    usable_folder,
    with_usable_locale,
)


def test_words_are_run_without_a_shell():
    assert run_command(["printf", "%s|", "a b", "$HOME"]) == (0, "a b|$HOME|", "")


def test_a_text_is_split_into_words():
    assert run_command("printf %s| 'a b' c").stdout == "a b|c|"


def test_a_text_for_a_shell_is_not_split():
    assert run_command("echo a | tr a b; echo err >&2; exit 3", shell=True) == (3, "b\n", "err\n")


def test_words_for_a_shell_are_quoted():
    assert run_command(["echo", "a;b"], shell=True).stdout == "a;b\n"


def test_another_shell():
    assert run_command("echo $BASH", shell=True, executable="/bin/bash").stdout == "/bin/bash\n"


def test_the_input_is_empty_unless_there_is_one():
    assert run_command(["cat"]).stdout == ""
    assert run_command(["cat"], stdin="a\n").stdout == "a\n"
    assert run_command(["cat"], stdin=b"\xff").stdout == decode(b"\xff")


def test_large_input_and_output_do_not_block_each_other():
    data = b"0123456789" * 300_000
    assert run_command(["cat"], stdin=data).stdout == data.decode()


def test_a_program_need_not_read_its_input():
    assert run_command(["true"], stdin=b"x" * 3_000_000).rc == 0


def test_any_bytes_survive():
    finished = run_command(["printf", r"a\377b"])
    assert finished.stdout.encode("utf-8", "surrogateescape") == b"a\xffb"


def test_a_signal_is_a_negative_status():
    assert run_command("kill -9 $$", shell=True).rc == -9


def test_a_program_that_is_not_there_cannot_start():
    with pytest.raises(FileNotFoundError):
        run_command(["/nowhere/program"])


def test_a_child_left_behind_with_the_output_does_not_hold_us_up():
    start = time.monotonic()
    finished = run_command("sleep 20 & echo $!", shell=True)
    os.kill(int(finished.stdout), 15)
    assert time.monotonic() - start < 5


def test_folder_environment_and_umask(tmp_path):
    command = "pwd; echo $A; umask; touch made"
    finished = run_command(
        command, shell=True, cwd=str(tmp_path), environment={"A": "1"}, umask=0o077
    )
    assert finished.stdout == f"{tmp_path}\n1\n0077\n"
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_our_umask_stays():
    before = os.umask(0o022)
    run_command(["true"], umask=0o077)
    assert os.umask(before) == 0o022


def test_messages_are_english_without_an_environment(monkeypatch):
    monkeypatch.setenv("LC_ALL", "id_ID.UTF-8")
    assert run_command(["sh", "-c", "echo $LC_ALL"]).stdout == "C.UTF-8\n"


def test_a_locale_that_the_host_lacks_is_replaced(monkeypatch):
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    changed = with_usable_locale(os.environ)
    assert changed["LC_ALL"] == changed["LANG"] == "C.utf8"


def test_a_locale_that_the_host_has_stays(monkeypatch):
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LANG", "C")
    assert with_usable_locale(os.environ) == dict(os.environ)


def test_programs_of_administrators_are_found_without_a_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert str(find_program("ldconfig")).endswith("sbin/ldconfig")
    assert find_program("no-such-program") is None


def test_where_we_stand_is_good_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert usable_folder() is None


def test_a_folder_that_is_gone_is_left_for_the_home(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert usable_folder() == str(tmp_path / "home")
