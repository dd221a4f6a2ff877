"""Metrics as small pure functions of arrays; `petbench.evaluation.catalogue` names and describes them."""
