"""The lab by hand: hosts that stay until ``down``.  ``LPSE_OPS_LAB=NAME`` is another lab."""

import argparse
import contextlib
import json
import os
import shutil
import sys

from tests.lab.base import find_base
from tests.lab.lab import Lab, describe, is_alive, labs_folder, start_lab
from tests.lab.needs import say_what_machines_need
from tests.lab.protocol import LabError


def our_lab() -> Lab:
    return Lab(labs_folder() / os.environ.get("LPSE_OPS_LAB", "by-hand"))


def build(_: argparse.Namespace) -> None:
    print(find_base())


def up(options: argparse.Namespace) -> None:
    lab = our_lab()
    if not is_alive(lab.folder):
        # Of a lab that was killed, or of the time before the machine was started.
        shutil.rmtree(lab.folder, ignore_errors=True)
        start_lab(lab.folder, owned=False)
    print(describe(lab.up(*options.names, disk_mb=options.disk_mb)), end="")


def down(options: argparse.Namespace) -> None:
    for name in options.names:
        our_lab().host(name).remove()
    if not options.names:
        our_lab().end()


def show(_: argparse.Namespace) -> None:
    for host in our_lab().hosts():
        print(host.name, host.address, "on" if host.is_on else "off")


def ssh(options: argparse.Namespace) -> None:
    argv = our_lab().host(options.name).ssh_argv(*options.command, user=options.login)
    os.execvp(argv[0], argv)


def run(options: argparse.Namespace) -> None:
    done = our_lab().host(options.name).run(*options.command, check=False)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.status)


def switch(options: argparse.Namespace) -> None:
    for name in options.names:
        getattr(our_lab().host(name), options.verb)()


def wire(options: argparse.Namespace) -> None:
    pairs = [setting.partition("=") for setting in options.settings]
    our_lab().host(options.name).wire(**{name: json.loads(value) for name, _, value in pairs})


def read_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)

    def add(name: str, work: object, text: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=text, description=text)
        verb.set_defaults(work=work)
        return verb

    add("build", build, "make the disk that hosts begin with, and print its folder")
    verb = add("up", up, "have these hosts up; print their addresses")
    verb.add_argument("names", nargs="+", metavar="NAME")
    verb.add_argument(
        "--disk-mb", type=int, default=0, help="size of new disks (default: no limit)"
    )
    verb = add("down", down, "remove these hosts, or all and the lab")
    verb.add_argument("names", nargs="*", metavar="NAME")
    add("list", show, "hosts, addresses and whether they are on")
    verb = add("ssh", ssh, "log in, or run a command line")
    verb.add_argument("--login", default="root", help="root, debian, operator or visitor")
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    verb = add("run", run, "run a program as root, without ssh")
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    for name, text in (
        ("on", "power on"),
        ("off", "shut down in good order"),
        ("kill", "cut the power"),
        ("reboot", "reboot from within"),
        ("reset", "boot from a fresh disk"),
        ("unwire", "a plain cable again"),
    ):
        add(name, switch, text).add_argument("names", nargs="+", metavar="NAME")
    verb = add(
        "wire", wire, "a slow line: delay_ms=20 jitter_ms=5 loss=0.01 rate_mbit=10 down=true"
    )
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    return parser.parse_args()


def main() -> None:
    options = read_command_line()
    if reason := say_what_machines_need():
        sys.exit(reason)
    try:
        with contextlib.suppress(BrokenPipeError):
            options.work(options)
    except FileNotFoundError:
        sys.exit("no lab is up: python -m tests.lab up h1")
    except LabError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
