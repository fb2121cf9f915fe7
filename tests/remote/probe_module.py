"""A module for tests only: it does to the agent what real modules may do, and worse."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time

from lpse_ops.agent.context import Failed

ARGUMENTS = {
    "do": {"type": "str", "required": True},
    "text": {"type": "str"},
    "other": {"type": "str"},
    "number": {"type": "float", "default": 0},
    "password": {"type": "str", "no_log": True},
}
CHECK_MODE = "full"


def run(args, context):
    return globals()["do_" + args["do"]](args, context)


def do_say(args, context):
    return {"said": args["text"], "check_mode": context.check_mode, "changed": True}


def do_fail(args, context):
    raise Failed(args["text"], rc=3)


def do_sleep(args, context):
    if args["text"]:
        with open(args["text"], "w") as file:
            file.write(str(os.getpid()))
    time.sleep(args["number"])
    return {}


def do_meet(args, context):
    """Go on only when somebody else has come as well."""
    open(args["text"], "w").close()
    while not os.path.exists(args["other"]):
        time.sleep(0.01)
    return {}


def do_sleep_in_program(args, context):
    """A program of the task sleeps, and says who it is."""
    script = 'echo $$ > "$1.part"; mv "$1.part" "$1"; exec sleep "$2"'
    subprocess.call(["/bin/sh", "-c", script, "sh", args["text"], str(args["number"])])
    return {}


def do_large(args, context):
    return {"text": "x" * int(args["number"])}


def do_bytes(args, context):
    return {"stdout": b"caf\xe9 \x00\xff", "name": os.fsdecode(b"\xff\xfe")}


def do_no_json(args, context):
    return {("a", "b"): 1}


def do_endless(args, context):
    value = {}
    value["value"] = value
    return value


def do_print(args, context):
    print("noise that must not reach the frames")
    os.write(1, b"\x00\x00\x00\x10 more of it\n" * 1000)
    subprocess.call(["echo", "noise of a program"])
    return {}


def do_die(args, context):
    os.kill(os.getpid(), signal.SIGKILL)


def do_exit(args, context):
    sys.exit(7)


def do_receive(args, context):
    if args["text"] == "not":
        return {"size": context.incoming.size_bytes, "checksum": context.incoming.checksum}
    content = io.BytesIO()
    size = context.incoming.copy_to(content)
    return {"size": size, "checksum": hashlib.sha1(content.getvalue()).hexdigest()}


def do_receive_slowly(args, context):
    class Slow(io.BytesIO):
        def write(self, piece):
            time.sleep(0.001)
            return super().write(piece)

    return {"size": context.incoming.copy_to(Slow())}


def do_send(args, context):
    return {"size": context.send(io.BytesIO(b"0123456789abcdef" * int(args["number"])))}


def do_folder(args, context):
    path = context.temporary_folder()
    with open(os.path.join(path, "file"), "w") as file:
        file.write("x")
    if args["text"]:
        with open(args["text"], "w") as file:
            file.write(path)
        time.sleep(args["number"])
    return {"path": path, "mode": os.stat(path).st_mode & 0o7777}


def do_surroundings(args, context):
    return {
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "python": context.python,
        "added": context.environment,
        "descriptors": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
        "modules": sorted(name for name in sys.modules if name.startswith("lpse_ops")),
        "pid": os.getpid(),
        "uid": os.getuid(),
        "group": os.getpgid(0),
        "stdin": sys.stdin.read(),
    }


def do_echo_password(args, context):
    return {"stdout": "it is " + args["password"], args["text"]: args["password"], "n": [1, 2]}


def do_move(args, context):
    """Leave marks on the process: the next task must not see them."""
    os.chdir("/")
    os.umask(0o777)
    os.environ["LEFT"] = "behind"
    sys.modules["json"] = None
    return {}


def do_receive_null(args, context):
    with open(os.devnull, "wb") as nothing:
        return {"size": context.incoming.copy_to(nothing)}
