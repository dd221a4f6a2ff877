"""Times to a target: which runs arrive, after how many seconds, on which hardware, and how methods compare in that."""
