"""The nouns everybody shares: organizations, documents, invoices, and who may see them."""
