"""Fills a Word template that may come from anyone, within bounds of time and memory.

A program of its own (``python -m``): seconds of processor time as its argument, the request on
standard input, the DOCX file on standard output; exit code 3 with message and hint as JSON when
the template is not acceptable.
"""

import json
import resource
import sys

from lpse_ops.documents.word import REFUSED, fill_bounded, parse_request
from lpse_ops.errors import PaperError

_MEMORY_BYTES = 1 << 30


def main(seconds: int) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    template, paper = parse_request(sys.stdin.buffer.read())
    try:
        content = fill_bounded(template, paper)
    except PaperError as error:
        content, code = json.dumps({"message": error.message, "hint": error.hint}).encode(), REFUSED
    else:
        code = 0
    sys.stdout.buffer.write(content)
    return code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
