"""What happens in the process of one task, from the fork to its end.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import sys
import time
from types import ModuleType
from typing import Any, Dict, Optional, Tuple

from lpse_ops.agent import frames
from lpse_ops.agent.asyncjobs import start_job
from lpse_ops.agent.channel import Channel, StreamedIncoming, send_file
from lpse_ops.agent.context import Context, Incoming, InlineIncoming
from lpse_ops.agent.dispatcher import is_failed, load_module, perform, prepare
from lpse_ops.agent.marks import Marks
from lpse_ops.agent.request import Request, parse_requests, render_request
from lpse_ops.agent.temporary import TemporaryFolder

# A process that lives too long takes along what nobody thought of.
_MOST_TASKS = 200
_NO_ITEM: Dict[str, Any] = {"id": 0, "args": {}}


def work_and_wait(request: Request, module: ModuleType, channel: Channel, folder: str) -> None:
    """Do the task, and others as long as all is as it was; returns when the process must end."""
    marks = Marks()
    for more in reversed(range(_MOST_TASKS)):
        if not work(request, module, channel, folder, marks if more else None):
            return
        request, folder = _receive(channel)
        module = load_module(request.module)


def work(
    request: Request,
    module: ModuleType,
    channel: Channel,
    temporary: str,
    marks: Optional[Marks],
) -> bool:
    """Do the task and answer; whether this process was offered for another one.

    That needs ``marks`` of how it was before.  Returns only when the answer is with the agent.
    """
    try:
        os.environ.update(request.environment)
    except (ValueError, OSError) as error:
        _fail(channel, f"the environment of the task cannot be set: {error}")
        return False
    folder = TemporaryFolder(temporary)
    if request.job is None:
        channel.watch(on_end=folder.remove)
        result = _perform(request, module, folder, channel)
        stays = marks is not None and _may_stay(request, module, result) and marks.wipe_off()
        return answer(channel, result, ready=stays)

    def do_later() -> Dict[str, Any]:
        return _perform(request, module, folder, None)

    answer(channel, start_job(request.job, do_later, detach=channel.close))
    return False


def wait_for_work(channel: Channel, likely: str) -> None:
    """Wait for a request from the agent, and do it; end with the agent if there is none.

    ``likely`` is the module that the last request named: the next one may be like it.
    """
    _rehearse()
    prepare(load_module(likely))
    request, folder = _receive(channel)
    work_and_wait(request, load_module(request.module), channel, folder)


def _receive(channel: Channel) -> Tuple[Request, str]:
    header, segments = channel.receive(frames.RUN)
    (request,) = parse_requests(header, segments, lambda _name, _source: None)
    channel.number = request.id
    return request, str(header["folder"])


def _may_stay(request: Request, module: ModuleType, result: Dict[str, Any]) -> bool:
    """Whether this was a task after which nothing is left over, by all that is known of it."""
    streams = request.sends or (request.content is not None and request.content.inline is None)
    return bool(getattr(module, "TIDY", False)) and not streams and not is_failed(result)


def _rehearse() -> None:
    """Do nothing, in the way in which tasks are done.

    A forked process gets its own copy of whatever memory it touches, and most of it is the same for
    all tasks: better now than when somebody waits.
    """
    module: Any = ModuleType("rehearsal")
    module.ARGUMENTS, module.CHECK_MODE, module.run = {}, "full", lambda _args, _context: {}
    header = render_request(parse_requests({"module": "", "items": [_NO_ITEM]}, [], print)[0])[0]
    frame = frames.Frame(frames.RUN, 0, frames.encode(frames.RUN, 0, header))
    (request,) = parse_requests(frame.open()[0], [], print)
    os.environ.update(request.environment)
    frames.encode(frames.DONE, 0, _perform(request, module, TemporaryFolder("rehearsal"), None))


def answer(channel: Channel, result: Dict[str, Any], *, ready: bool = False) -> bool:
    """Send the result, or say why it cannot be sent; with it, whether another task may come."""
    try:
        frame = frames.encode(
            frames.FAILED if is_failed(result) else frames.DONE, channel.number, result
        )
        if ready:
            frame += frames.encode(frames.READY, channel.number, {})
        channel.send_frame(frame)
        return ready
    except frames.FrameTooLarge as error:
        _fail(channel, f"the result of the task is too large: {error}")
    except (TypeError, ValueError, RecursionError) as error:
        _fail(channel, f"the result of the task is no JSON: {error}")
    return False


def _fail(channel: Channel, message: str) -> None:
    channel.send(frames.FAILED, {"failed": True, "changed": False, "msg": message})


def _perform(
    request: Request, module: ModuleType, folder: TemporaryFolder, channel: Optional[Channel]
) -> Dict[str, Any]:
    timeout = request.timeout_seconds
    context = Context(
        check_mode=request.check_mode,
        diff_mode=request.diff_mode,
        no_log=request.no_log,
        environment=request.environment,
        python=sys.executable,
        deadline=None if timeout is None else time.monotonic() + timeout,
        incoming=_incoming(request, channel),
        send=(lambda file: send_file(channel, file)) if channel and request.sends else None,
        temporary=folder,
    )
    try:
        return perform(module, request.args, context)
    finally:
        # Before the answer: whoever has it may rely on nothing being left.
        context.close()


def _incoming(request: Request, channel: Optional[Channel]) -> Optional[Incoming]:
    content = request.content
    if content is None:
        return None
    if content.inline is not None:
        return InlineIncoming(content.inline)
    if channel is None:
        return Incoming(content.size_bytes, content.checksum)
    return StreamedIncoming(content.size_bytes, content.checksum, channel, later=content.later)
