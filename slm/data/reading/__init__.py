"""Foreign files into documents: a reader for each kind, and the capped process that they run in."""
