"""A request to run a module, as it came from the controller.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

AddSource = Callable[[str, str], None]


class Job(NamedTuple):
    """An asynchronous task: its name, and how long it may take (0: as long as it wants)."""

    name: str
    limit_seconds: float


class ContentInfo(NamedTuple):
    """What the controller has to send; ``inline`` is the content itself when it is small.

    ``later``: it has a checksum, but does not know it yet.
    """

    size_bytes: int
    checksum: Optional[str]
    inline: Optional[bytes]
    later: bool


class Request(NamedTuple):
    """One run of a module.

    It starts when request ``after``, if any, was answered, and only if all of ``needs`` went well.
    """

    id: int
    module: str
    args: Dict[str, Any]
    check_mode: bool
    diff_mode: bool
    no_log: bool
    environment: Dict[str, str]
    timeout_seconds: Optional[float]
    job: Optional[Job]
    content: Optional[ContentInfo]
    sends: bool
    after: Optional[int]
    needs: List[int]


def parse_requests(
    header: Dict[str, Any], segments: List[bytes], add_source: AddSource
) -> List[Request]:
    """Take a RUN frame apart: sources that it brings are added, its items follow each other."""
    rest = list(segments)
    for name in header.get("sources", ()):
        add_source(name, rest.pop(0).decode("utf-8"))
    requests: List[Request] = []
    after = header.get("after")
    for item in header["items"]:
        requests.append(_parse_item(header, item, rest, after))
        after = requests[-1].id
    return requests


def render_request(request: Request) -> Tuple[Dict[str, Any], List[bytes]]:
    """Header and segments from which ``parse_requests`` makes the same request again."""
    content = request.content
    item: Dict[str, Any] = {"id": request.id, "args": request.args, "sends": request.sends}
    segments: List[bytes] = []
    if content is not None:
        item["content"] = dict(content._asdict(), inline=content.inline is not None)
        segments = [content.inline] if content.inline is not None else []
    header = {
        "module": request.module,
        "items": [item],
        "check_mode": request.check_mode,
        "diff_mode": request.diff_mode,
        "no_log": request.no_log,
        "environment": request.environment,
        "timeout_seconds": request.timeout_seconds,
        "job": dict(request.job._asdict()) if request.job else None,
        "after": request.after,
        "needs": request.needs,
    }
    return header, segments


def _parse_item(
    header: Dict[str, Any], item: Dict[str, Any], rest: List[bytes], after: Optional[int]
) -> Request:
    content = item.get("content")
    job = header.get("job")
    return Request(
        id=int(item["id"]),
        module=str(header["module"]),
        args=item["args"],
        check_mode=bool(header.get("check_mode")),
        diff_mode=bool(header.get("diff_mode")),
        no_log=bool(header.get("no_log")),
        environment={str(key): str(value) for key, value in header.get("environment", {}).items()},
        timeout_seconds=header.get("timeout_seconds"),
        job=Job(str(job["name"]), float(job["limit_seconds"])) if job else None,
        content=content
        and ContentInfo(
            int(content["size_bytes"]),
            content.get("checksum"),
            rest.pop(0) if content.get("inline") else None,
            bool(content.get("later")),
        ),
        sends=bool(item.get("sends")),
        after=after,
        needs=list(header.get("needs", ())),
    )
