"""Fetching cohorts of real people: what is asked, one participant at a time, and a BIDS-PET dataset at the end."""
