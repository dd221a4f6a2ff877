"""Planning, starting, carrying out and finding runs."""
