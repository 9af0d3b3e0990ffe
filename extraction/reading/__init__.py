"""From a page to its words (the text layer if it is sound, else recognition), and from words to fields."""
