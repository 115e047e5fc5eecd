"""The Transformer: its settings, layers, attention, cache and probes."""
