"""Images as arrays: files, grids, units, decay, time windows."""
