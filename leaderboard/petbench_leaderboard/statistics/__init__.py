"""What the numbers of a board can and cannot tell. Pure functions; the unit is the participant."""
