"""For ansible-playbook: every result as a line of JSON in the file that TOLD names."""

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

# ansible-playbook reads the plugin's own description as YAML.
DOCUMENTATION = """
name: told
type: aggregate
short_description: every result as a line of JSON
description: Writes every result as a line of JSON.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "told"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        self._tell(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, **_: Any) -> None:
        self._tell(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._tell(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._tell(result, "unreachable")

    def _tell(self, result: Any, status: str) -> None:
        told = [result.task.get_name(), result.host.get_name(), status, result.result]
        with open(os.environ["TOLD"], "a") as file:
            file.write(json.dumps(told, default=str) + "\n")
