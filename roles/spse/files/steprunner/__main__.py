"""``python3 steprunner COMMAND``: the folder, or the same zipped, is the whole program."""

import sys

# The role copies this folder as it is: nothing may be left in it.
sys.dont_write_bytecode = True

from spse_steps.program import main  # noqa: E402

sys.exit(main())
