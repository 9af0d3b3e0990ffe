"""Run a command against a PostgreSQL server of its own: `python -m invoiceapp.tests.postgres_for_tests pytest -q`.

The server comes from a wheel; the command finds it through DATABASE_URL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from invoiceapp.tests.servers import postgresql


def main(command: list[str]) -> int:
    """Run the command; returns its exit status."""
    if not command:
        sys.stderr.write(__doc__ or "")
        return 2
    with postgresql() as url:
        child = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url})
        # Ctrl-C reaches the command by itself; here it must not leave the server behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
