import subprocess

from tests.lab.sshd import make_key, open_sshd
from tests.lab.waiting import is_running, wait_until


def run(argv: list[str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv, input=stdin, capture_output=True, text=True)


def test_the_key_logs_in_and_home_is_a_folder_of_its_own(sshd):
    done = run(sshd.ssh_argv("echo $HOME; cat"), "over the line")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{sshd.home}\nover the line"


def test_another_key_is_refused(sshd, tmp_path):
    make_key(tmp_path / "stranger")
    done = run(["ssh", "-F", sshd.ssh_config, "-i", tmp_path / "stranger", "-v", "quick", "true"])
    # The key of the config is tried after the one of the command line.
    assert f"Offering public key: {tmp_path / 'stranger'}" in done.stderr
    assert f"Server accepts key: {sshd.key_file}" in done.stderr


def test_a_host_key_that_is_not_known_is_refused(sshd, tmp_path):
    (tmp_path / "empty").touch()
    argv = ["ssh", "-F", sshd.ssh_config, "-o", f"UserKnownHostsFile={tmp_path}/empty", "quick"]
    done = run([*argv, "true"])
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_sessions_and_their_daemons_end_with_the_server(tmp_path):
    with open_sshd(tmp_path / "sshd") as sshd:
        done = run(sshd.ssh_argv("setsid sleep 1000 >/dev/null 2>&1 & echo $!"))
        daemon = int(done.stdout)
        assert is_running(daemon)
    assert wait_until(lambda: not is_running(daemon))


def test_settings_take_the_place_of_ours(tmp_path):
    with open_sshd(tmp_path / "sshd", settings={"ForceCommand": "echo forced"}) as sshd:
        assert run(sshd.ssh_argv("echo asked")).stdout == "forced\n"
