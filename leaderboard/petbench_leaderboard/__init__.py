"""The store of runs and scores, the ranking made from it, and the report."""
