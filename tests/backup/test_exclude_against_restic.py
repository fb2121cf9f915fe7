"""Our excludes and selections against the real restic's, on one tree with many patterns."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lpse_ops.backup.exclude import (
    CACHE_TAG,
    Excludes,
    IfPresent,
    Includes,
    kept_names,
    parse_if_present,
    parse_pattern_file,
    parse_size,
)
from lpse_ops.backup.localsource import has_mark
from lpse_ops.errors import UsageError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.restic_binaries import Restic

FILES = [
    b"a/b/c/d/e.txt",
    b"a/b/x/d/e.txt",
    b"a/b/c/keep.tmp",
    b"a/b/old.tmp",
    b"a/foo/bar",
    b"a/foo/baz/bar",
    b"a/foo/baz/qux/bar",
    b"foo/bar",
    b"foo/a/b/bar",
    b"foobar/x",
    b"Report.PDF",
    b"report.pdf",
    b"docs/Laporan Akhir.pdf",
    b"docs/laporan akhir.PDF",
    b"docs/\xc3\x89COLE.txt",
    b"docs/\xc3\xa9cole.txt",
    b"docs/\xc4\xb0stanbul",
    b"docs/\xce\xa3\xce\x91\xce\xa3",
    b"docs/\xe6\x97\xa5\xe6\x9c\xac.rhs",
    b"docs/\xf0\x9f\x98\x80.rhs",
    b"docs/\xef\xbf\xbd",
    b"docs/\xc3.bin",
    b"docs/a\xff.bin",
    b"docs/\x80\x81",
    b"odd/[x]",
    b"odd/a*b",
    b"odd/a?b",
    b"odd/a\\b",
    b"odd/axb",
    b"odd/a-b",
    b"odd/a]b",
    b"odd/a^b",
    b"odd/!bang",
    b"odd/#hash",
    b"odd/$dollar",
    b"odd/ space ",
    b"odd/new\nline",
    b"odd/{x,y}",
    b"odd/..two",
    b"odd/~tilde~",
    b"cache/CACHEDIR.TAG",
    b"cache/one",
    b"cache/sub/two",
    b"cache/sub/CACHEDIR.TAG/three",
    b"cache2/CACHEDIR.TAG",
    b"cache2/kept",
    b"cache3/deep/CACHEDIR.TAG",
    b"cache3/deep/gone",
    b"cache3/kept",
    b"skip/.nobackup",
    b"skip/one",
    b"skip/sub/two",
    b"skip2/.nobackup",
    b"skip2/.skip",
    b"skip2/three",
    b"skip3/.nobackup/four",
    b"skip3/five",
    b"size/1023",
    b"size/1024",
    b"size/1025",
]
CONTENTS = {
    b"cache/CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55\n# note",
    b"cache2/CACHEDIR.TAG": b"Signature: 0000",
    b"cache3/deep/CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55",
    b"skip/.nobackup": b"header and more",
    b"size/1023": bytes(1023),
    b"size/1024": bytes(1024),
    b"size/1025": bytes(1025),
}

# Without a lock restic does not wait 0.2 s for other locks to show.
DRY_RUN = ["backup", "--no-lock", "--dry-run"]

# {} is the backed-up directory.
PATTERNS: list[list[str]] = [
    # names anywhere
    ["foo"],
    ["bar"],
    ["*.tmp"],
    ["*.txt", "*.pdf"],
    ["foo*"],
    ["*o*"],
    ["nothing"],
    [""],
    ["."],
    ["./foo"],
    ["foo/"],
    ["foo//bar"],
    ["x/../foo"],
    # several components
    ["foo/bar"],
    ["a/foo"],
    ["b/*/d"],
    ["foo/*"],
    ["*/bar"],
    ["?/b"],
    # rooted
    ["{}/foo"],
    ["{}/a/b/"],
    ["{}//a/./b"],
    ["{}/*"],
    ["{}/a/*/c"],
    ["/foo"],
    ["/"],
    ["/*"],
    ["/**"],
    ["{}"],
    ["{}/nothing/below"],
    # **
    ["**"],
    ["**/bar"],
    ["foo/**"],
    ["foo/**/bar"],
    ["a/**/b"],
    ["a/**/bar"],
    ["{}/**/bar"],
    ["{}/a/**"],
    ["{}/a/**/d/**/e.txt"],
    ["**/**"],
    ["**/foo/**/bar/**"],
    ["a**r"],
    # a ** needs one component left for each ** behind it
    ["{}/a/**/b/**"],
    ["{}/a/**/c/**"],
    ["{}/**/**/e.txt"],
    ["{}/**/**/d"],
    ["{}/**/foo/**/**"],
    ["{}/**/**/**"],
    ["{}/**/d/*"],
    # classes and escapes
    ["[a-b]"],
    ["[^a]"],
    ["[^a-z]*"],
    ["odd/a[*?]b"],
    [r"odd/a\*b"],
    [r"odd/\[x]"],
    [r"odd/a\\b"],
    [r"odd/a[\]^]b"],
    [r"odd/a[\-x]b"],
    ["odd/a[+-z]b"],
    ["odd/a[z-a]b"],
    ["odd/a[^z-a]b"],
    ["odd/[[]x]"],
    ["odd/a]b"],
    [r"\!bang"],
    ["#hash"],
    ["$dollar"],
    [" space "],
    ["new*line"],
    ["{{x,y}}"],
    ["..two"],
    ["~*~"],
    # characters and bytes
    ["docs/?"],
    ["docs/??"],
    ["docs/*??"],
    ["docs/??.rhs"],
    ["docs/?.rhs"],
    ["docs/[日-本]*"],
    ["docs/[本-日]*"],
    ["docs/[本-\U0010ffff]*"],
    ["docs/[\u0080-\uffff]*"],
    ["docs/[\ufffd]*"],
    ["docs/*[^\ufffd]"],
    ["docs/*[\ufffd]"],
    ["docs/a[^x].bin"],
    ["docs/\udcc3*"],
    ["docs/*\udca9*"],
    ["docs/\udc80?"],
    ["docs/?cole.txt"],
    ["docs/*?*?*.*s"],
    # negation, in order
    ["*.tmp", "!keep.tmp"],
    ["!keep.tmp", "*.tmp"],
    ["{}/a/b/*", "!{}/a/b/c"],
    ["{}/a/b/*", "!{}/a/b/c", "{}/a/b/c/d"],
    ["a", "!a/b"],
    ["!a"],
    ["!"],
    ["*", "!{}", "foo"],
    ["{}/*", "!{}/docs", "!{}/a", "{}/docs/*", "!*.pdf"],
    ["!!bang"],
    [r"!\!bang", "odd/*", r"!\!bang"],
]
INSENSITIVE: list[list[str]] = [
    ["report.pdf"],
    ["REPORT.*"],
    ["*.PdF"],
    ["DOCS/éCOLE.TXT"],
    ["docs/İSTANBUL"],
    ["docs/i*"],
    ["docs/σας"],
    ["docs/ΣΑΣ"],
    ["docs/[É]*"],
    ["odd/[A-B]x[B]"],
    ["docs/A\udcff.bin"],
    ["docs/a\ufffd.bin"],
    ["*.PDF", "!REPORT.PDF"],
]
# What restic gives its restore; a selection needs other cases than an exclusion.
SELECTIONS: list[list[str]] = [
    ["/src"],
    ["/src/a"],
    ["/src/a/b/c/d/e.txt"],
    ["/src/a/*/baz"],
    ["/src/a/**/bar"],
    ["/src/**/d"],
    ["/src/nothing"],
    ["/nothing"],
    ["/"],
    ["/**"],
    ["**"],
    ["*"],
    ["/*/foo"],
    ["bar"],
    ["foo/bar"],
    ["*.txt", "/src/foo"],
    ["src/a"],
    ["[^a-z]*"],
    ["/src/a", "!/src/a/b"],
    ["/src/a", "!b"],
    ["/src/a", "!e.txt"],
    ["/src/docs/*", "!*.pdf"],
    ["!/src/a"],
    ["/src/a/b/../foo/"],
    ["/src/a/foo", "/src/odd/a?b"],
    ["/src/docs/\udcc3*", "/src/docs/ÉCOLE.txt"],
    ["/**/**"],
    ["**/**/**"],
    ["**/**/**/**/**"],
    ["**/**/**/**/**/**"],
    ["**/a/**/**/b/**/c/**"],
    ["**/**/a/**/b"],
    ["**/b/**/**/**/e.txt"],
    ["/**/a/**/e.txt"],
    ["/**/**/**/e.txt"],
    ["/**/**/foo/**/**"],
    ["src/**/**/baz/**"],
    ["foo/**/**/**"],
    [""],
]
INSENSITIVE_SELECTIONS: list[list[str]] = [
    ["/SRC/A/[B-F]*"],
    ["/src/DOCS/éCOLE.TXT", "/SRC/docs/İ*"],
    ["*.PDF", "!REPORT.pdf", "/Src/**/BAR"],
]


@dataclass
class Rules:
    """The flags of one case, for restic and for us."""

    exclude: list[str] = field(default_factory=list)
    iexclude: list[str] = field(default_factory=list)
    if_present: list[str] = field(default_factory=list)
    larger_than: str = ""
    exclude_file: bytes = b""

    def argv(self, scratch: Path) -> list[str]:
        lists = {
            "--exclude": self.exclude,
            "--iexclude": self.iexclude,
            "--exclude-if-present": [one for one in self.if_present if one != CACHE_TAG],
            "--exclude-larger-than": [self.larger_than] if self.larger_than else [],
        }
        argv = [f"{flag}={value}" for flag, values in lists.items() for value in values]
        if CACHE_TAG in self.if_present:
            argv.append("--exclude-caches")
        if self.exclude_file:
            (scratch / "patterns").write_bytes(self.exclude_file)
            argv.append(f"--exclude-file={scratch / 'patterns'}")
        return argv


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = os.fsencode(tmp_path_factory.mktemp("x")) + b"/src"
    for name in FILES:
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(CONTENTS.get(name, b"x"))
    os.symlink("/nowhere", root + b"/skip3/link")
    os.mkdir(root + b"/empty")
    return root


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init_cheaply(tmp_path_factory.mktemp("repo"))


def kept_by_restic(
    restic: Restic, repository: Path, source: bytes, rules: Rules, scratch: Path
) -> set[str]:
    argv: list[str | bytes] = [
        "backup",
        "--no-lock",
        "--dry-run",
        "-vv",
        "--json",
        *rules.argv(scratch),
        "--",
        source,
    ]
    environment = {"WORD": "foo", "EMPTY": ""}
    done = restic.run(*argv, repo=repository, password=PASSWORD, check=False, env=environment)
    if b"snapshot is empty" in done.stderr:
        return set()
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    prefix = readable(source)
    return {
        message["item"].rstrip("/")
        for message in messages
        if message.get("action") == "new" and message["item"].startswith(prefix)
    }


def kept_by_us(restic: Restic, source: bytes, rules: Rules) -> set[str]:
    patterns = parse_pattern_file(rules.exclude_file, {"WORD": "foo", "EMPTY": ""})
    excludes = Excludes([*rules.exclude, *patterns], rules.iexclude)
    present = [parse_if_present(one) for one in rules.if_present]
    limit = parse_size(rules.larger_than) if rules.larger_than else None
    kept = set(walk(source, excludes, present, limit))
    if excludes.rejects(source):
        # 0.14 leaves out even what the command line names, newer ones do not.
        kept = set() if restic.version == "0.14.0" else {source}
    # restic's messages pass over symlinks.
    return {readable(path) for path in kept if not os.path.islink(path)}


def walk(
    path: bytes, excludes: Excludes, present: list[IfPresent], limit: int | None
) -> Iterator[bytes]:
    if excludes.rejects(path):
        return
    if os.path.isdir(path) and not os.path.islink(path):
        yield path
        kept = kept_names(present, path, has_mark)
        for name in os.listdir(path):
            if kept is None or name in kept:
                yield from walk(os.path.join(path, name), excludes, present, limit)
    elif limit is None or os.lstat(path).st_size <= limit:
        yield path


def readable(path: bytes) -> str:
    """Spell a path as Go writes it into JSON: U+FFFD for each byte that is not UTF-8."""
    text = path.decode("utf-8", "surrogateescape")
    return "".join("\ufffd" if "\udc80" <= one <= "\udcff" else one for one in text)


def placed(patterns: list[str], source: bytes) -> list[str]:
    return [one.format(os.fsdecode(source)) for one in patterns]


@pytest.mark.parametrize("patterns", PATTERNS, ids=repr)
def test_exclude(
    restic: Restic, repository: Path, source: bytes, patterns: list[str], tmp_path: Path
) -> None:
    rules = Rules(exclude=placed(patterns, source))
    expected = kept_by_restic(restic, repository, source, rules, tmp_path)
    assert kept_by_us(restic, source, rules) == expected


@pytest.mark.parametrize("patterns", INSENSITIVE, ids=repr)
def test_iexclude(
    restic: Restic, repository: Path, source: bytes, patterns: list[str], tmp_path: Path
) -> None:
    rules = Rules(iexclude=placed(patterns, source))
    expected = kept_by_restic(restic, repository, source, rules, tmp_path)
    assert kept_by_us(restic, source, rules) == expected


@pytest.mark.parametrize(
    "rules",
    [
        Rules(exclude=["*.tmp"], iexclude=["!keep.TMP", "*.pdf"]),
        Rules(if_present=[".nobackup"]),
        Rules(if_present=[".nobackup:header"]),
        Rules(if_present=[".nobackup:Header"]),
        Rules(if_present=[".nobackup:header and more than there is"]),
        Rules(if_present=[".nobackup:"]),
        Rules(if_present=[".nobackup", ".skip"]),
        Rules(if_present=["link"]),
        Rules(if_present=["link:x"]),
        Rules(if_present=[CACHE_TAG]),
        Rules(if_present=[CACHE_TAG, ".nobackup"], exclude=["{}/cache/sub"]),
        Rules(larger_than="1024"),
        Rules(larger_than="1k"),
        Rules(larger_than="1K"),
        Rules(larger_than="0"),
        Rules(larger_than="1023b"),
        Rules(larger_than="+1T"),
        Rules(exclude_file=b"# comment\n\n  *.tmp  \r\n\t!keep.tmp\n#foo\n"),
        Rules(exclude_file=b"\xef\xbb\xbf$WORD/bar\n${WORD}bar\n"),
        Rules(exclude_file="*.pdf\nfoo".encode("utf-16")),
        Rules(exclude_file=b"\xfe\xff" + "*.pdf\nfoo".encode("utf-16-be")),
        Rules(exclude_file=b"$$dollar\n$UNSETbar\n$EMPTY\nfoo$\n$1x\n${}x\n${WORD\n${$}d*\na$-b"),
        Rules(exclude_file=b"\xc2\xa0foo\xe2\x80\x83\n\x1cbar\n\xff\n\x0bdocs\x0c\n\xc2\x85odd"),
        Rules(exclude_file=b"!keep.tmp", exclude=["*.tmp"]),
        Rules(exclude_file=b"foo\rbar\n*.pdf\r\r\nodd\r"),
    ],
    ids=repr,
)
def test_other_rules(
    restic: Restic, repository: Path, source: bytes, rules: Rules, tmp_path: Path
) -> None:
    expected = kept_by_restic(restic, repository, source, rules, tmp_path)
    assert kept_by_us(restic, source, rules) == expected


BAD = ["[", "[a", "a[]b", "[^]", "a\\", "[a-]", "[-a]", "[a-b-c]", "x/[a/b]", "[\\", "[\udcff]"]
GOOD = ["]", "a]", "[]]", "[a]]", "[^^]", "[[]", "[\\]]", "[a-\\]]", "[*]", "**]", "[\ufffd]", "!"]


def test_the_same_patterns_are_malformed(restic: Restic, repository: Path, source: bytes) -> None:
    patterns = [*BAD, *GOOD, *("!" + one for one in BAD)]
    argv: list[str | bytes] = [
        "backup",
        "--no-lock",
        "--dry-run",
        *(f"-e{one}" for one in patterns),
        "--",
        source,
    ]
    done = restic.run(*argv, repo=repository, password=PASSWORD, check=False)
    refused = done.stderr.decode("utf-8", "surrogateescape").splitlines()
    assert {one for one in patterns if one in refused} == {*filter(is_malformed, patterns)}


def is_malformed(pattern: str) -> bool:
    try:
        Excludes([pattern])
    except UsageError:
        return True
    return False


@pytest.fixture(scope="module")
def snapshots(restic_old: Restic, source: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one snapshot whose paths begin with /src."""
    root = init_cheaply(tmp_path_factory.mktemp("snapshots"))
    parent = Path(os.fsdecode(os.path.dirname(source)))
    restic_old.run("backup", "src", repo=root, password=PASSWORD, cwd=parent)
    return root


def restored_by_restic(
    restic: Restic, snapshots: Path, flags: list[str], target: Path
) -> set[bytes]:
    argv = ["restore", "--no-lock", "latest", f"--target={target}", *flags]
    done = restic.run(*argv, repo=snapshots, password=PASSWORD, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    root = os.fsencode(target)
    return {
        os.path.join(folder, name).removeprefix(root)
        for folder, folders, files in os.walk(root)
        for name in (*folders, *files)
    }


def restored_by_us(source: bytes, selection: Excludes | Includes) -> set[bytes]:
    chosen: set[bytes] = set()
    parent = os.path.dirname(source)

    def visit(path: bytes) -> None:
        is_dir = os.path.isdir(parent + path) and not os.path.islink(parent + path)
        selected, inside = selection.selected(path, is_dir=is_dir)
        if selected:
            chosen.add(path)
        if inside:
            for name in os.listdir(parent + path):
                visit(os.path.join(path, name))

    visit(b"/src")
    return {above for path in chosen for above in with_parents(path)}


def with_parents(path: bytes) -> Iterator[bytes]:
    while path != b"/":
        yield path
        path = os.path.dirname(path)


def restore_cases() -> Iterator[tuple[str, list[str]]]:
    for patterns in SELECTIONS:
        yield from (("--include", patterns), ("--exclude", patterns))
    for patterns in INSENSITIVE_SELECTIONS:
        yield from (("--iinclude", patterns), ("--iexclude", patterns))


@pytest.mark.parametrize(("flag", "patterns"), [*restore_cases()], ids=repr)
def test_restore_selection(
    restic: Restic, snapshots: Path, source: bytes, flag: str, patterns: list[str], tmp_path: Path
) -> None:
    kind = Includes if flag.endswith("include") else Excludes
    folded = flag in ("--iinclude", "--iexclude")
    selection = kind((), patterns) if folded else kind(patterns)
    flags = [f"{flag}={one}" for one in patterns]
    expected = restored_by_restic(restic, snapshots, flags, tmp_path)
    assert restored_by_us(source, selection) == expected
