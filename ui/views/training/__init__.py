"""The tools of the training page, one file each."""
