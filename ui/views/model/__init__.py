"""The tools of the model page, one file each."""
