"""What the numbers of a board do and do not support. Pure functions; the unit is the participant."""
