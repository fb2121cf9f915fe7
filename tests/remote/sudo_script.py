"""A sudo for tests: what the real one does with ``-S`` and ``-p``, word by word."""

from pathlib import Path

# What it runs runs as ourselves.
_SCRIPT = """#!/bin/sh
prompt= ; interactive=1
while :; do
    case $1 in
        -p) prompt=$2; shift 2 ;;
        -u) shift 2 ;;
        -*n*) interactive= ; shift ;;
        -*) shift ;;
        *) break ;;
    esac
done
{before}
if [ -n "{password}" ]; then
    [ "$interactive" ] || {{ echo 'sudo: a password is required' >&2; exit 1; }}
    for attempt in 1 2 3; do
        printf %s "$prompt" >&2
        IFS= read -r given || {{ echo 'sudo: no password was provided' >&2; exit 1; }}
        echo "$given" >> {folder}/tried
        [ "$given" = "{password}" ] && break
        echo 'Sorry, try again.' >&2
    done
fi
exec "$@"
"""


def write_sudo(folder: Path, password: str = "", before: str = "") -> str:
    """Write it and return its path; ``before`` is what it does first.

    It notes every password it is given in ``folder / "tried"``.
    """
    path = folder / "sudo"
    path.write_text(_SCRIPT.format(password=password, before=before, folder=folder))
    path.chmod(0o755)
    return str(path)
