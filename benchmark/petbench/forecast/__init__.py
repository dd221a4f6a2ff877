"""What a matrix of runs would cost, before it is spent."""
