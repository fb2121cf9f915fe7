from tests.lab.trouble import explain


def test_what_is_said_of_a_host_that_did_not_come_up():
    console = "old\n" * 1000 + "Failed to mount /srv\n"
    said = explain("web", "it let nobody in", console, "12 ssh.service start waiting\n")
    lines = said.splitlines()
    assert lines[0] == "web did not come up: it let nobody in"
    assert any(line.startswith("load of this machine: ") for line in lines)
    assert "12 ssh.service start waiting" in lines
    assert lines[-1] == "Failed to mount /srv"
    assert len(said) < 3000


def test_a_silent_console_is_said_too():
    assert "its console is empty" in explain("web", "it ended", "\n", "")
