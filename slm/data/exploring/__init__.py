"""What a corpus is: counts, laws, copies, languages, search, and what leaks between the splits."""
