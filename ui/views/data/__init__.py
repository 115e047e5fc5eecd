"""The tools of the data page, one file each."""
