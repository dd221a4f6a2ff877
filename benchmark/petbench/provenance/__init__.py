"""Where a run was made: the machine, the installed packages, the state of the source code."""
