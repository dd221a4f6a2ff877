"""Methods without a network: the rows that every other row is measured against."""
