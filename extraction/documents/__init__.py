"""From a file to pages: what it really is, whether it may be opened, its pictures and its own words.

Everything that parses a file runs in a limited child process (``sandbox``); this package may be used from
a web process and from a worker alike, and imports no heavy library there.
"""

from .limits import DEFAULT_LIMITS, Limits
from .opening import Inspection, inspect, open_pages
from .quality import Quality
from .refusal import DocumentRefused, SandboxUnavailable

__all__ = [
    "DEFAULT_LIMITS",
    "DocumentRefused",
    "Inspection",
    "Limits",
    "Quality",
    "SandboxUnavailable",
    "inspect",
    "open_pages",
]
