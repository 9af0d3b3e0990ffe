"""The machine-readable door."""
