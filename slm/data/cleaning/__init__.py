"""Rules that change or drop documents, and what each of them did."""
