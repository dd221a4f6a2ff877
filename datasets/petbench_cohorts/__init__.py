"""Cohorts of real people that can be fetched from their hosts, registered as any other plugin's are."""
