"""Reading construction invoices."""
