"""Data sets of the Hugging Face Hub: asked for, read row by row, kept where a download broke."""
