"""How often the intervals and tests of a board are right, found out by drawing datasets whose truth is known.

`python -m petbench_leaderboard.statistics.simulation PAGE.md` writes all of it as a page.
"""
