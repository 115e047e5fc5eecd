"""Tools of the chapters, a folder each; a page dispatches on `?view=`."""
