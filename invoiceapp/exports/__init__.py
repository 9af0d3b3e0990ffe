"""Approved invoices go out."""
