"""Tasks with a controller's part that are run side by side with ansible-playbook."""

from typing import Any

from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import ALL, Case, without_diff

RUN = ("run",)
BOTH = ("check", "run")
# Where the controller keeps what it copies is not where a host keeps it.
APART = frozenset(["src"])
# Both render into a temporary file, which only ansible-core shows.
FROM_MEMORY = APART | {"after_header"}
# We show the diff of every file of a folder; ansible-core shows none.
FOLDER = APART | {"diff"}


def copy(name: str, make: Make, phases: Any = RUN, **args: Any) -> Case:
    args.setdefault("dest", "ROOT/d")
    apart = FOLDER if name.startswith("tree") else FROM_MEMORY if "content" in args else APART
    return Case(f"copy_{name}", "copy", args, make, phases, apart)


def template(
    name: str, text: str, make: Make | None = None, phases: Any = RUN, **args: Any
) -> Case:
    args = {"src": "ROOT/t.j2", "dest": "ROOT/d", **args}
    made = having(**{"t.j2": text})
    apart = FROM_MEMORY | {"msg"} if name == "undefined" else FROM_MEMORY
    return Case(f"template_{name}", "template", args, also(made, make or having()), phases, apart)


def case(name: str, make: Make, phases: Any = RUN, **args: Any) -> Case:
    module = name.partition("_")[0]
    return Case(name, module, args, make, phases, FOLDER if module == "assemble" else APART)


SOURCE = having(s="new\n")
OLD = having(s="new\n", d="old\n")
TREE = also(
    folders("s/sub/deep", "s/empty"),
    having(**{"s/one": "1\n", "s/sub/two": "2\n", "s/sub/deep/three": "3\n"}),
    link("s/link", "one"),
    link("s/dirlink", "sub"),
    mode("s/one", 0o755),
)
BINARY = lambda root: (root / "d").write_bytes(b"\0\1\2")  # noqa: E731
LARGE = lambda root: (root / "d").write_text("x" * 104449)  # noqa: E731
# For root everything is readable; what a task makes is by its umask.
CASES = [
    copy("new", SOURCE, ALL, src="ROOT/s"),
    copy("changed", OLD, BOTH, src="ROOT/s", backup=True, mode="0600"),
    copy("attributes", having(s="x", d="x"), BOTH, src="ROOT/s", mode="0600", owner="nobody"),
    copy("into_folder", also(SOURCE, folders("d")), src="ROOT/s"),
    copy("into_new_folder", SOURCE, src="ROOT/s", dest="ROOT/a/b/", directory_mode="0700"),
    copy("no_folder", SOURCE, BOTH, src="ROOT/s", dest="ROOT/no/d"),
    copy("not_forced", OLD, src="ROOT/s", force=False),
    copy("link", also(OLD, link("l", "d")), src="ROOT/s", dest="ROOT/l"),
    copy("link_same", also(having(s="x", d="x"), link("l", "d")), src="ROOT/s", dest="ROOT/l"),
    copy("link_followed", also(OLD, link("l", "d")), src="ROOT/s", dest="ROOT/l", follow=True),
    copy("preserve", also(SOURCE, mode("s", 0o751)), src="ROOT/s", mode="preserve"),
    copy("checksum_wrong", SOURCE, src="ROOT/s", checksum="0" * 40),
    copy("refused", OLD, src="ROOT/s", validate="grep old %s"),
    copy("content", having(), ALL, content="text\n", mode="0640"),
    copy("content_dict", having(), content={"a": [1, None, True]}),
    copy("content_number", having(), content=12),
    copy("content_empty", OLD, content=""),
    copy("content_into_folder", folders("d"), content="x"),
    copy("content_slash", folders("d"), content="x", dest="ROOT/d/"),
    copy("content_and_src", SOURCE, content="x", src="ROOT/s"),
    copy("nothing", having()),
    copy("over_binary", also(SOURCE, BINARY), src="ROOT/s"),
    copy("over_large", also(SOURCE, LARGE), ("check",), src="ROOT/s"),
    copy("tree", TREE, ALL, src="ROOT/s"),
    copy("tree_inside", also(TREE, folders("d")), BOTH, src="ROOT/s/", mode="0640"),
    copy("tree_links", TREE, src="ROOT/s/", dest="ROOT/n/", local_follow=False),
    copy("tree_modes", TREE, src="ROOT/s", mode="preserve", directory_mode="0711"),
    copy("tree_dead", also(TREE, link("s/sub/dead", "no")), src="ROOT/s"),
    copy("tree_circle", also(TREE, link("s/sub/back", "..")), src="ROOT/s"),
    copy("tree_of_one", also(folders("s"), having(**{"s/f": "f"})), BOTH, src="ROOT/s"),
    copy("host", OLD, BOTH, src="ROOT/s", remote_src=True, backup=True),
    copy("host_same", having(s="x", d="x"), src="ROOT/s", remote_src=True, mode="0600"),
    copy("host_mode", also(SOURCE, mode("s", 0o755)), src="ROOT/s", remote_src=True),
    copy(
        "host_preserve",
        also(SOURCE, mode("s", 0o755)),
        src="ROOT/s",
        remote_src=True,
        mode="preserve",
    ),
    copy("host_missing", having(), src="ROOT/no", remote_src=True),
    copy("host_not_forced", OLD, src="ROOT/s", remote_src=True, force=False),
    copy("host_into_new", SOURCE, BOTH, src="ROOT/s", remote_src=True, dest="ROOT/a/b/"),
    template("plain", "a {{ 1 + 1 }}\n{% if true %}\nyes\n{% endif %}\n\n", phases=ALL),
    template("changed", "new\n", having(d="old\n"), BOTH, backup=True),
    template("no_newline", "x {{ 'y' }}"),
    template("windows", "a\n{{ 1 }}\n", newline_sequence="\r\n"),
    template("windows_words", "a\n{{ 1 }}\n", newline_sequence="\\r\\n"),
    template(
        "blocks", "  {% if true %}\n  x\n  {% endif %}\n", lstrip_blocks=True, trim_blocks=False
    ),
    template("syntax", "[[ 1 ]] {{ x }}\n", variable_start_string="[[", variable_end_string="]]"),
    template("header", "#jinja2: trim_blocks: False\n{% if true %}\nx\n{% endif %}\n"),
    template("encoding", "é\n", output_encoding="latin-1"),
    template("managed", "# {{ ansible_managed }} {{ template_path == template_fullpath }}\n"),
    template("undefined", "{{ nope }}\n"),
    case("fetch_flat", OLD, ("run", "again"), src="ROOT/s", dest="ROOT/d", flat=True),
    case("fetch_flat_folder", also(SOURCE, folders("d")), src="ROOT/s", dest="ROOT/d/", flat=True),
    case("fetch_flat_wrong", also(SOURCE, folders("d")), src="ROOT/s", dest="ROOT/d", flat=True),
    case("fetch_missing", having(), src="ROOT/no", dest="ROOT/d", flat=True),
    case(
        "fetch_optional", having(), src="ROOT/no", dest="ROOT/d", flat=True, fail_on_missing=False
    ),
    case("fetch_folder", folders("s"), src="ROOT/s", dest="ROOT/d", flat=True),
    case("fetch_check", SOURCE, ("check",), src="ROOT/s", dest="ROOT/d", flat=True),
    case("script_runs", having(s="#!/bin/sh\necho out $1; echo err >&2\n"), cmd="ROOT/s 'a b'"),
    case("script_fails", having(s="#!/bin/sh\nexit 3\n"), cmd="ROOT/s"),
    case("script_creates", having(s="#!/bin/sh\n"), cmd="ROOT/s", creates="ROOT/s"),
    case("script_executable", having(s="echo $0 | grep -c .\n"), cmd="ROOT/s", executable="sh"),
    case(
        "assemble_here",
        also(folders("s"), having(**{"s/1": "a", "s/2": "b\n"})),
        ALL,
        src="ROOT/s",
        dest="ROOT/d",
        remote_src=False,
        delimiter="--",
    ),
]

WITHOUT_DIFF = ["copy_changed", "copy_attributes", "copy_refused", "copy_tree", "assemble_here"]
CASES += without_diff(CASES, WITHOUT_DIFF)
