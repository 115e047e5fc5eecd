"""The tools of the tokenizer page, one file each."""
