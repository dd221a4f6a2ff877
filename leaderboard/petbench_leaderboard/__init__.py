"""The store of runs and scores, the ranking drawn from it, and the report."""
