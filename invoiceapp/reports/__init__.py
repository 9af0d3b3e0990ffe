"""How accurate and how fast."""
