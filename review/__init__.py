"""People check what the reader is unsure of."""
