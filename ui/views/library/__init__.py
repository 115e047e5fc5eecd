"""The tools of the library page, one file each."""
