"""BIDS-PET on disk: images with their sidecars, the table of participants, and the one writer of both."""
