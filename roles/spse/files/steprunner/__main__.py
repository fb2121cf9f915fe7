"""``python3 steprunner COMMAND``: the folder, or the same zipped, is the whole program."""

import sys

from spse_steps.program import main

sys.exit(main())
