"""From a page to its words: the text layer if it is sound, else recognition of the picture."""
