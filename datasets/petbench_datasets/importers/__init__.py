"""Bringing people's own scans into the one format that petbench reads, BIDS-PET."""
