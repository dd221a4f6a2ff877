"""The process that scores a run's prediction files, in which no method's code is ever imported."""
