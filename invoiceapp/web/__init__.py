"""Pages that belong to no single part: home, invoices, settings."""
