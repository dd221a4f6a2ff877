"""Writing a dataset for other programs and other people."""
