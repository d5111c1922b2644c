"""Check the Python and its packages before anything else is imported.

Every command imports this module first. With an old Python, or without the packages, it ends the
command with one line instead of a traceback. So this file and the commands use only syntax that
Python 3.8 reads; the modules that the commands import later need not.

`python -m tools.doctor` does not import it: it says more about what is missing.
"""

import sys

from utils.prerequisites import find_problem

_problem = find_problem()
if _problem is not None:
    sys.exit(f"error: {_problem}")
