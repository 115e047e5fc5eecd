"""Models in from elsewhere and out to elsewhere."""
