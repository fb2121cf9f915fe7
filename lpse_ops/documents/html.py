"""HTML that stands alone and prints on one page: no script, nothing loaded from elsewhere."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined


def render_html(template: str, texts: Mapping[str, Any]) -> bytes:
    """Fill ``templates/TEMPLATE``; all texts are escaped but those made as ``Markup``."""
    source = (files("lpse_ops.documents") / "templates" / template).read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(texts).encode()
