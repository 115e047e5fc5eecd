"""The room where chapters meet: the first model, snapshots, probes."""
