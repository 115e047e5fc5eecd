"""The tools of the sampling page, one file each."""
