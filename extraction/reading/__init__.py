"""From words with places to fields: layout, labels, typed values, decisions."""
