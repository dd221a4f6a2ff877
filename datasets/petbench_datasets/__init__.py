"""Datasets of early and delayed PET images: reading, checking, splitting and simulating them."""
