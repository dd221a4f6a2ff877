"""The processes of a run: signals, process trees, locks, and how a process ended."""
