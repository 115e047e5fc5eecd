"""Text: where it comes from, how it is cleaned, split and cut into windows."""
