"""Pieces of work that must not be lost."""
