"""The views of the Workshop page, one file each."""
