"""A site of their own, for this package's browser tests."""

from invoiceapp.tests.site_process import site

__all__ = ["site"]
