"""What may be typed after ``steprunner``."""

import argparse
from typing import List, Optional

FOLDER = "/var/lib/lpse-ops/upgrade"


def parse_arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    """What was typed; ends the program where that makes no sense."""
    parser = argparse.ArgumentParser(
        prog="steprunner", description="Upgrade an SPSE server step by step.", allow_abbrev=False
    )
    parser.add_argument("--folder", help=f"where the state lies; default: {FOLDER}")
    parser.add_argument("--prefix", help="goes before every path of the plan; for tests")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    for name, text in (
        ("plan", "say what would be done, and do nothing"),
        ("health", "prove that the plan's new release is well now; nothing is changed"),
    ):
        commands.add_parser(name, help=text).add_argument("plan", help="a JSON file, - for stdin")
    run = commands.add_parser("run", help="do it; a failing step takes all back")
    run.add_argument("plan", help="the plan, a JSON file")
    commands.add_parser("resume", help="go on where it was cut off, in the same direction")
    back = commands.add_parser("rollback", help="take it back, to the old release and its database")
    back.add_argument(
        "--accept-lost-writes", metavar="REASON", help="also after users were let in again"
    )
    commands.add_parser("status", help="say where it stands and what is safe to type")
    return parser.parse_args(argv)
