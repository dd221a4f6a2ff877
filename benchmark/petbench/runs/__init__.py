"""Runs: their folders, their processes and their pipeline."""
