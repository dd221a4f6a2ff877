"""One dataset: its pairs, splits, labels and fingerprint."""
