"""The functions a template may call: lookup, query, now, undef and Jinja's own."""

import datetime
from typing import Any

from jinja2 import pass_context

from lpse_ops.marked import Text
from lpse_ops.templating.embedded import EMBEDDED
from lpse_ops.templating.markers import OMIT, Marker
from lpse_ops.templating.natives import to_plain


@pass_context
def lookup(context: Any, name: str, *terms: Any, **options: Any) -> Any:
    """What a lookup gives: strings joined by commas unless ``wantlist``; alone if it is one."""
    want_list = options.pop("wantlist", False)
    found = _run(context, name, terms, options)
    if found is None and want_list:
        return []
    if want_list or not isinstance(found, list):
        return found
    if len(found) == 1:
        return found[0]
    return ",".join(found) if found and all(isinstance(each, str) for each in found) else found


@pass_context
def query(context: Any, name: str, *terms: Any, **options: Any) -> Any:
    return lookup(context, name, *terms, **{**options, "wantlist": True})


def _run(context: Any, name: str, terms: tuple[Any, ...], options: dict[str, Any]) -> Any:
    scope = context.scope
    scope.resolver.check_lookup(name)
    on_error = options.pop("errors", "strict")
    try:
        return scope.resolver.lookup(name, to_plain(terms), to_plain(options), scope)
    except Exception as error:
        if on_error == "warn":
            scope.resolver.warn(f"the lookup {name!r} failed: {error}")
        if on_error in ("ignore", "warn"):
            return None
        raise


def now(utc: bool = False, fmt: str | None = None) -> Any:
    zone = datetime.UTC if utc else None
    # Without a zone, as Ansible's: it is compared with what to_datetime gives.
    moment = datetime.datetime.now(zone).replace(tzinfo=None)
    return moment.strftime(fmt) if fmt else moment


def undef(hint: str | None = None) -> Marker:
    return Marker(hint or "a value that must be given is undefined")


@pass_context
def resolve_embedded(context: Any, source: str) -> Any:
    """The value of a string in a template that is a template itself."""
    return context.scope.resolver.resolve_text(Text(source), context.scope)


GLOBALS = {
    EMBEDDED: resolve_embedded,
    "lookup": lookup,
    "now": now,
    "omit": OMIT,
    "q": query,
    "query": query,
    "undef": undef,
}
