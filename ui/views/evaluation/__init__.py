"""The tools of the evaluation page, one file each."""
