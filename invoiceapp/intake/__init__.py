"""Files come in."""
