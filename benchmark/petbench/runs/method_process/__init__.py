"""The process that runs a method's code, and what the run's own process hands it and takes back."""
