"""How somebody who does not trust lpse-ops checks its log: ssh-keygen, sha256sum and a shell."""

import re
import shlex
from typing import TYPE_CHECKING

from lpse_ops.ledgercheckpoint import NAMESPACE

if TYPE_CHECKING:
    from lpse_ops.ledger import Ledger

# The chain, the signature, and RFC 6962's root of the lines that were signed.
_SCRIPT = r"""#!/bin/bash
# Is the ledger.jsonl of a log's folder (or of a copy: bash check.sh FOLDER) what was signed?
set -eu
folder=@FOLDER@
cd "${1:-$folder}"
n=$(ls checkpoints | sed -n 's/\.txt$//p' | sort -n | tail -n 1)
@VERIFY@
wrong() { echo "$1" >&2; exit 1; }
hash() { sha256sum | cut -c 1-64; }
pair() { printf '%b' "\\x01$(printf %s "$1$2" | sed 's/../\\x&/g')" | hash; }
prev=$(printf '0%.0s' {1..64}) i=0 stack=()
while IFS= read -r line; do
  [[ $line == *'"prev":"'$prev'","seq":'$((i + 1)),* ]] || wrong "line $((i + 1)) is wrong"
  prev=$(printf '%s\n' "$line" | hash)
  node=$(printf '\0%s\n' "$line" | hash)
  for ((b = i; b & 1; b >>= 1)); do node=$(pair "${stack[-1]}" "$node"); unset 'stack[-1]'; done
  stack+=("$node") i=$((i + 1))
done < <(head -n "$n" ledger.jsonl)
root=$node
for ((k = ${#stack[@]} - 2; k >= 0; k--)); do root=$(pair "${stack[k]}" "$root"); done
signed=$(sed -n 3p "checkpoints/$n.txt" | base64 -d | od -An -v -tx1 | tr -d ' \n')
[ "$i $root" = "$n $signed" ] || wrong "the first $n lines are not those that were signed"
echo "the first $n lines are those that were signed"
"""


def how_to_check(ledger: "Ledger") -> list[str]:
    """The commands for the newest checkpoint and the last line, to be typed in the log's folder."""
    size = max(ledger.checkpoints.sizes(), default=0)
    if size == 0:
        return ["lpse-ops log checkpoint    # nothing is signed yet"]
    return [
        verify_command(ledger.origin, str(size)),
        f"head -n {size} ledger.jsonl | tail -n 1 | sha256sum    # is prev of line {size + 1}",
        "lpse-ops log verify --script > check.sh; bash check.sh    # every line, and the root",
    ]


def render_script(ledger: "Ledger") -> str:
    """A bash script that checks the whole log with ssh-keygen and coreutils alone."""
    places = {
        "@FOLDER@": shlex.quote(str(ledger.folder)),
        "@VERIFY@": verify_command(ledger.origin, "$n"),
    }
    return re.sub("@[A-Z]+@", lambda match: places[match[0]], _SCRIPT)


def verify_command(origin: str, size: str) -> str:
    name = f"checkpoints/{size}.txt"
    return (
        f"ssh-keygen -Y verify -f allowed_signers -I {shlex.quote(origin)} "
        f"-n {NAMESPACE} -s {name}.sig < {name}"
    )
