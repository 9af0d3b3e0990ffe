"""How the web processes run; everything from the environment (docs/operations.md)."""

import os

bind = f"{os.environ.get('WEB_HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"  # noqa: S104  in a container
workers = int(os.environ.get("WEB_WORKERS", "2"))
# Threads, because an upload waits for the process that looks at the file, up to a minute for a hostile one.
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "4"))
# Renewed now and then, not all at once: memory that libraries do not give back.
max_requests = 2000
max_requests_jitter = 400
graceful_timeout = 70  # longer than the look at one file may take
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112  a heartbeat file, not on disk
accesslog = os.environ.get("WEB_ACCESS_LOG") or None
control_socket_disable = True
