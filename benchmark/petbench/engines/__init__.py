"""Runs on other machines: handed to an engine as folders, made there by one program, and brought in by their uid."""
