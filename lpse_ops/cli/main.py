"""The command ``lpse-ops``: runs what ``commandtree`` names; every error's exit code.

Only this module prints errors.  It imports click and nothing else that takes time.
"""

import contextlib
import errno
import gc
import os
import resource
import select
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from click.shell_completion import shell_complete

from lpse_ops.cli.commandtree import COMMANDS
from lpse_ops.cli.lazy import Group, LazyGroup
from lpse_ops.cli.parameters import common_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import (
    HostUnreachable,
    NothingFound,
    OpsError,
    PolicyRefused,
    RepositoryLocked,
    RepositoryMissing,
    SettingsError,
    UsageError,
    WrongPassword,
)
from lpse_ops.version import VERSION

# The nearest class of an error's ancestry decides.
EXIT_CODES: dict[type[BaseException], int] = {
    OpsError: 1,
    UsageError: 2,
    HostUnreachable: 4,
    NothingFound: 5,
    PolicyRefused: 7,
    RepositoryMissing: 10,
    RepositoryLocked: 11,
    WrongPassword: 12,
    SettingsError: 78,
}
INTERNAL_ERROR = 70
_OPEN_FILES = 4096
# Not our bug, wherever they come up.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
PROGRAM = "lpse-ops"
COMPLETION_VARIABLE = "_LPSE_OPS_COMPLETE"
LOG_FILE = "lpse-ops.log"


class Interrupted(KeyboardInterrupt):
    """A signal asks us to stop; travels as Ctrl-C does, so that everything is cleaned up."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.exit_code = 128 + signal_number


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    _allow_many_open_files()
    exit_code = run(sys.argv[1:], App())
    # Looking for cycles in what is left takes a tenth of a second after a backup.
    gc.freeze()
    sys.exit(exit_code)


def _allow_many_open_files() -> None:
    """Use what the administrator allows: a restore keeps the folders it fills open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run(args: Sequence[str], app: App, commands: Group = COMMANDS) -> int:
    """Run a command line and return its exit code; errors are printed, none comes out."""
    with _signals_interrupt():
        try:
            return _run_command(args, app, _make_root(commands))
        except OpsError as error:
            return _report(app, error.message, error.hint, _exit_code(app, error))
        except click.exceptions.NoArgsIsHelpError as error:
            app.stderr.write(f"{error.format_message()}\n")
            return error.exit_code
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else PROGRAM
            code = app.exit_codes.get(click.UsageError, error.exit_code)
            return _report(app, _plain(error), f"see `{path} --help`", code)
        except click.ClickException as error:
            return _report(app, _plain(error), "", error.exit_code)
        except (click.Abort, KeyboardInterrupt) as error:
            app.stderr.write(f"{PROGRAM}: interrupted\n")
            # A prompt of click turns what interrupts it into an Abort.
            cause = error.__context__ if isinstance(error, click.Abort) else error
            if isinstance(cause, Interrupted):
                return cause.exit_code
            return app.exit_codes.get(KeyboardInterrupt, 130)
        except MemoryError:
            return _report(
                app,
                "there is not enough memory",
                "see `free -m` and `ulimit -v`; if a small repository does this, it may have been "
                "forged: lpse-ops backup check names its files",
                EXIT_CODES[OpsError],
            )
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _stdout_is_closed():
                _forget_stdout()
                return 128 + signal.SIGPIPE
            return _report_bug(app, args, error)


def _make_root(commands: Group) -> LazyGroup:
    @click.group(
        cls=LazyGroup,
        lazy=commands,
        name=PROGRAM,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    @click.version_option(VERSION, message=f"{PROGRAM} %(version)s")
    @common_options
    def root() -> None:
        """Hold the options that stand before the command's name."""

    return root


def _run_command(args: Sequence[str], app: App, root: LazyGroup) -> int:
    """Run a command; not by click's own ``main``, which hides every broken pipe."""
    instruction = app.environment.get(COMPLETION_VARIABLE)
    if instruction:
        return shell_complete(root, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
    try:
        with root.make_context(PROGRAM, list(args), obj=app) as context:
            result = root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        result = ended.exit_code
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _forget_stdout()
        raise OpsError(
            f"cannot write {error.filename or 'the output'}: {error.strerror}",
            hint="check with `df -h` and `dmesg` that the disk has room and works",
        ) from error
    return result if isinstance(result, int) else 0


def _exit_code(app: App, error: BaseException) -> int:
    codes = app.exit_codes or EXIT_CODES
    return next(codes[kind] for kind in type(error).__mro__ if kind in codes)


def _plain(error: click.ClickException) -> str:
    message = error.format_message().strip().rstrip(".")
    return message[:1].lower() + message[1:]


def _report(app: App, message: str, hint: str, exit_code: int) -> int:
    # What answers as a program of Ansible begins its errors as that one does.
    first, more, name = f"{PROGRAM}: error: ", f"{PROGRAM}: error: ", f"{PROGRAM}: "
    if app.exit_codes:
        first, more, name = "[ERROR]: ", "", ""
    lines = [f"{more}{_harmless(line)}\n" for line in message.splitlines()]
    hints = [f"{name}hint: {_harmless(hint)}\n"] if hint else []
    app.stderr.write("".join([first.removeprefix(more), *lines, *hints]))
    app.stderr.flush()
    return exit_code


def _harmless(line: str) -> str:
    """Hosts and files choose some words of an error: none may move the cursor."""
    from lpse_ops.cli.output import printable

    return "\n".join(map(printable, line.expandtabs().split("\n")))


def _report_bug(app: App, args: Sequence[str], error: Exception) -> int:
    """Write the traceback where only its owner reads it, and one line to the user."""
    import traceback

    trace = "".join(traceback.format_exception(error))
    entry = f"{datetime.now(UTC).isoformat()} {PROGRAM} {shlex.join(args)}\n{trace}\n"
    try:
        log = _append_to_log(app.state_folder, entry)
    except OSError:
        app.stderr.write(trace)
        log = Path("the lines above")
    message = f"this is a bug in {PROGRAM} ({type(error).__name__}); what happened is in {log}"
    return _report(app, message, "", app.exit_codes.get(Exception, INTERNAL_ERROR))


def _append_to_log(folder: Path, entry: str) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / LOG_FILE
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "a", encoding="utf-8", errors="replace") as log:
        os.fchmod(log.fileno(), 0o600)
        log.write(entry)
    return path


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the program as Ctrl-C does; a second one changes nothing."""

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in installed:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    # Under nohup SIGHUP is ignored already, and stays so.
    wanted = (signal.SIGTERM, signal.SIGHUP)
    installed: dict[signal.Signals, Any] = {
        each: signal.getsignal(each) for each in wanted if signal.getsignal(each) != signal.SIG_IGN
    }
    for each in installed:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each, handler in installed.items():
            signal.signal(each, handler)


def _stdout_is_closed() -> bool:
    """Tell whether the reader of our output is gone, as with ``| head``."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _forget_stdout() -> None:
    """Keep the interpreter from failing to flush when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
