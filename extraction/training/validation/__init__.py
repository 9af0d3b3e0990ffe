"""A second generator of documents, for validation only: other layouts, words and habits than the one readers train on.

It shares the runner (``extraction.training.generation``) and the form of the truth with the first, and nothing else.
"""
