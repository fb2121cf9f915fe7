"""A task as it is asked of an agent: how it is run, on which arguments, with which content."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from lpse_ops.agent import frames
from lpse_ops.remote.content import Content

# Content up to this size goes along with the request.
INLINE_BYTES = 128 * 1024
_INLINE_IN_ONE_FRAME = 8 << 20
_ITEMS_IN_ONE_FRAME = 500


@dataclass(frozen=True)
class AsyncJob:
    """Lets a task go on by itself: a name, and a limit (0 for none)."""

    name: str
    limit_seconds: float = 0


@dataclass(frozen=True)
class RunOptions:
    """How a task is run; ``environment`` may hold secrets and is not shown."""

    check_mode: bool = False
    diff_mode: bool = False
    no_log: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float | None = None
    job: AsyncJob | None = None


@dataclass(frozen=True)
class Item:
    """One run of a module; several travel in one frame.  Arguments are not shown."""

    args: Mapping[str, Any] = field(repr=False)
    content: Content | None = None
    save_to: BinaryIO | None = None


class Unsendable(Exception):
    """What is asked for can be put into no frame; the text says why."""


DEFAULT_OPTIONS = RunOptions()


def render_options(options: RunOptions) -> dict[str, Any]:
    job = options.job
    return {
        "check_mode": options.check_mode,
        "diff_mode": options.diff_mode,
        "no_log": options.no_log,
        "environment": dict(options.environment),
        "timeout_seconds": options.timeout_seconds,
        "job": {"name": job.name, "limit_seconds": job.limit_seconds} if job else None,
    }


def render_item(number: int, item: Item) -> tuple[dict[str, Any], list[bytes]]:
    """An item as the request has it, and its content if it is small enough to go along."""
    entry: dict[str, Any] = {"id": number, "args": dict(item.args)}
    entry["sends"] = item.save_to is not None
    content = item.content
    if content is None:
        return entry, []
    inline = content.size_bytes <= INLINE_BYTES
    entry["content"] = {
        "size_bytes": content.size_bytes,
        "checksum": content.checksum,
        "inline": inline,
        "later": content.checksum is None and content.find_checksum is not None,
    }
    if inline:
        # What cannot be read now fails the task if that asks for it.
        with contextlib.suppress(OSError), content.open() as file:
            return entry, [file.read(INLINE_BYTES + 1)]
        entry["content"]["inline"] = False
    return entry, []


def encode_request(header: Mapping[str, Any], segments: Sequence[bytes]) -> bytes:
    """The frame of a request; ``Unsendable`` when its arguments cannot travel."""
    try:
        return frames.encode(frames.RUN, header["items"][0]["id"], dict(header), segments)
    except frames.FrameTooLarge as error:
        raise Unsendable(f"the arguments are too large: {error}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise Unsendable(f"the arguments cannot be sent: {error}") from error


def cut_into_batches(items: Sequence[Item]) -> list[list[Item]]:
    """Items in groups that fit into a frame."""
    batches: list[list[Item]] = []
    size = 0
    for item in items:
        own = item.content.size_bytes if item.content else 0
        own = own if own <= INLINE_BYTES else 0
        size += own
        if not batches or len(batches[-1]) >= _ITEMS_IN_ONE_FRAME or size > _INLINE_IN_ONE_FRAME:
            batches.append([])
            size = own
        batches[-1].append(item)
    return batches
