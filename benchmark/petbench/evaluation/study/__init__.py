"""The study by which the ranking metric is chosen: what each metric makes of predictions whose order is known."""
