"""The tools of the attention page, one file each."""
