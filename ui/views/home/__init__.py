"""The tools of the home page, one file each."""
