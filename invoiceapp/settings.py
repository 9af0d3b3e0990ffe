"""Settings: one file for one small box and for many machines.

Everything that differs between the two comes from the environment (or from a
`.env` file beside manage.py). A value that is missing or malformed stops the
start with the variable's name; `invoiceapp.checks` then looks at whether the
values make sense together. docs/operations.md lists every variable.
"""

from __future__ import annotations

import os
import secrets
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)


def _one_of(name: str, choices: tuple[str, ...], default: str) -> str:
    value = env.str(name, default=default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return value


def _number(name: str, default: int) -> int:
    text = env.str(name, default=str(default))
    try:
        return int(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a whole number.") from None


def _price(name: str) -> Decimal:
    text = env.str(name, default="0")
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a number with a point, like 2.50.")
    return value


def _path(name: str) -> Path | None:
    value = env.str(name, default="")
    return Path(value).expanduser() if value else None


def _secret_key() -> str:
    """Return SECRET_KEY; a single box that sets none gets one of its own, kept in var/."""
    if key := env.str("SECRET_KEY", default=""):
        return key
    path = VAR_DIR / "secret_key"
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(60))
    except FileExistsError:
        pass
    return path.read_text()


SECRET_KEY = _secret_key()
SECRET_KEY_IS_SHARED = bool(env.str("SECRET_KEY", default=""))
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)

# --- where the site is reached ----------------------------------------------------------------
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
_site = urlsplit(SITE_URL)
if _site.scheme not in ("http", "https") or not _site.hostname:
    raise ImproperlyConfigured(f"SITE_URL is {SITE_URL!r}; give it as https://invoices.example.com.")
ALLOWED_HOSTS = [_site.hostname, "localhost", "127.0.0.1", *env.list("ALLOWED_HOSTS", default=[])]
CSRF_TRUSTED_ORIGINS = [SITE_URL, *env.list("CSRF_TRUSTED_ORIGINS", default=[])]
_https = _site.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = _https and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_SAVE_EVERY_REQUEST = False
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- the site's parts --------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_q",
    "django_htmx",
    "csp",
    "rest_framework",
    "invoiceapp.records",
    "invoiceapp.work",
    "extraction",
    "review",
    "invoiceapp.intake",
    "invoiceapp.exports",
    "invoiceapp.reports",
    "invoiceapp.api",
    "invoiceapp.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "invoiceapp.middleware.OrganizationMiddleware",
]
ROOT_URLCONF = "invoiceapp.urls"
WSGI_APPLICATION = "invoiceapp.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": (
                [
                    "django.template.loaders.filesystem.Loader",
                    "django.template.loaders.app_directories.Loader",
                ]
                if DEBUG
                else [
                    (
                        "django.template.loaders.cached.Loader",
                        [
                            "django.template.loaders.filesystem.Loader",
                            "django.template.loaders.app_directories.Loader",
                        ],
                    )
                ]
            ),
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "invoiceapp.web.context.navigation",
            ],
        },
    }
]

# --- data --------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'invoices.sqlite3'}")}
_database = DATABASES["default"]
_database["CONN_MAX_AGE"] = (
    60  # without it every broker call opens a connection of its own: a fifth of the speed
)
ON_SQLITE = _database["ENGINE"] == "django.db.backends.sqlite3"
if ON_SQLITE:
    # WAL lets people read while a worker writes; FULL keeps what was committed when the power fails.
    _database.setdefault("OPTIONS", {}).update(
        timeout=30,
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    )
    # Tests use a file too: in memory, threads share one cache and get in each other's way as they never do here.
    _database["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
else:
    _database["CONN_HEALTH_CHECKS"] = True
    _database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    # django-q2 writes its status into a cache twice a second; the work rows and heartbeats say more.
    "queue_status": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}
    ),
}

# --- files: a local folder, or S3 and what speaks its language ---------------------------------
STORAGE = _one_of("STORAGE", ("local", "s3"), "local")
if STORAGE == "s3":
    _files = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": env.str("S3_BUCKET"),
            "region_name": env.str("S3_REGION", default=None),
            "endpoint_url": env.str("S3_ENDPOINT_URL", default=None),
            "access_key": env.str("S3_ACCESS_KEY", default=None),
            "secret_key": env.str("S3_SECRET_KEY", default=None),
            "default_acl": None,
            "file_overwrite": False,
            "querystring_expire": 300,
            "location": env.str("S3_PREFIX", default=""),
        },
    }
else:
    _files = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": env.str("FILES_DIR", default=str(VAR_DIR / "files")),
            "base_url": None,  # nothing that people upload is ever served by address
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }
STATIC_MANIFEST = env.bool("STATIC_MANIFEST", default=False)
STORAGES = {
    "default": _files,
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if STATIC_MANIFEST
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not STATIC_MANIFEST
if not STATIC_MANIFEST:
    STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns about a missing one at every start

# --- uploads (the sandbox's own limits are extraction.documents.Limits) ------------------------
UPLOAD_MAX_BYTES = _number("UPLOAD_MAX_BYTES", 25 * 1024 * 1024)
UPLOADS_PER_MINUTE = _number("UPLOADS_PER_MINUTE", 240)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000  # a 100-page pay application has many cells
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

# --- the queue ---------------------------------------------------------------------------------
QUEUE_BROKER = _one_of("QUEUE_BROKER", ("orm", "redis", "sqs"), "orm")
QUEUE_NAME = env.str("QUEUE_NAME", default="invoices")
WORKERS = _number("WORKERS", 1)
# Slowest task < timeout < retry; timeout + 3 is a multiple of guard_cycle, or a stuck task is never killed.
TASK_TIMEOUT = _number("TASK_TIMEOUT", 300)
READ_ATTEMPTS = _number("READ_ATTEMPTS", 3)
# A cluster that ran nothing for so long is taken for frozen; a busy one beats between two documents.
WATCHDOG_SECONDS = _number("WATCHDOG_SECONDS", max(300, TASK_TIMEOUT + 60))
# What a stopping worker gets to finish its documents; the container's stop_grace_period must be longer.
DRAIN_SECONDS = _number("DRAIN_SECONDS", TASK_TIMEOUT + 60)
# Named, this queue gets the documents of the large models, for a worker with a GPU (docs/operations.md); unnamed, the
# one worker reads everything.
GPU_QUEUE = env.str("GPU_QUEUE", default="")
if GPU_QUEUE == QUEUE_NAME:
    raise ImproperlyConfigured(
        f"GPU_QUEUE and QUEUE_NAME are both {GPU_QUEUE!r}; give the second queue another name."
    )
READER_QUEUES = dict.fromkeys(("llama", "pixtral"), GPU_QUEUE) if GPU_QUEUE else {}
Q_CLUSTER = {
    "name": QUEUE_NAME,
    # One process and one model on the GPU's queue; it is not thrown away with its model every 500 calls.
    "ALT_CLUSTERS": {GPU_QUEUE: {"workers": 1, "recycle": 20_000}} if GPU_QUEUE else {},
    "workers": WORKERS,
    "queue_limit": 2,
    "bulk": 1,
    "timeout": TASK_TIMEOUT,
    "retry": TASK_TIMEOUT * 4
    + 60,  # the clock starts at prefetch: timeout x (2 + ceil(queue_limit / workers)) + 60
    "max_attempts": 5,
    "recycle": 500,
    "ack_failures": True,  # a wake-up call that failed is not repeated: the work row is, by the sweep
    "cache": "queue_status",
    "save_limit": -1,  # successes are not kept: the work row says what was done
    "catch_up": False,
    "poll": 0.2,
    "guard_cycle": 0.5,
    "label": "Queue",
}
if QUEUE_BROKER == "redis":
    if not REDIS_URL:
        raise ImproperlyConfigured("QUEUE_BROKER is redis: set REDIS_URL, for example redis://redis:6379/0.")
    # A server that does not answer must not hold an upload; the workers' own blocking read takes a second.
    _options = "socket_connect_timeout=3&socket_timeout=10"
    Q_CLUSTER["redis"] = f"{REDIS_URL}{'&' if urlsplit(REDIS_URL).query else '?'}{_options}"
elif QUEUE_BROKER == "sqs":
    Q_CLUSTER["sqs"] = {
        "aws_region": env.str("SQS_REGION"),
        "aws_access_key_id": env.str("SQS_ACCESS_KEY", default=None),
        "aws_secret_access_key": env.str("SQS_SECRET_KEY", default=None),
        "receive_message_wait_time_seconds": 20,  # without it SQS is polled hot
    }
    if _endpoint := env.str("SQS_ENDPOINT_URL", default=""):
        os.environ["AWS_ENDPOINT_URL_SQS"] = _endpoint  # django-q2 hands nothing else on to boto3
else:
    Q_CLUSTER["orm"] = "default"

# --- readers that need weights or a server (docs/models.md); the embedded one needs nothing -------
_PROMPTS = _path("PROMPTS_DIR")


def _local_model(prefix: str) -> dict[str, Any]:
    return {
        "model": env.str(f"{prefix}_MODEL", default=""),
        "prompt": env.str(f"{prefix}_PROMPT", default=""),
        "prompts": _PROMPTS,
        "fields": tuple(env.list(f"{prefix}_FIELDS", default=[])),
        "dtype": _one_of(f"{prefix}_DTYPE", ("bfloat16", "float16", "float32"), "bfloat16"),
        "quantization": _one_of(f"{prefix}_QUANTIZATION", ("none", "8bit", "4bit"), "none"),
        "device": env.str(f"{prefix}_DEVICE", default="auto"),
        "batch": _number(f"{prefix}_BATCH", 0),
        "max_tokens": _number(f"{prefix}_MAX_TOKENS", 2048),
        "crops": env.bool(f"{prefix}_CROPS", default=False),
        "cpu_fallback": env.bool(f"{prefix}_CPU_FALLBACK", default=False),
        "calibration": _path(f"{prefix}_CALIBRATION"),
    }


READERS: dict[str, dict[str, Any]] = {
    "llama": _local_model("LLAMA"),
    "pixtral": _local_model("PIXTRAL"),
    "doctr": {
        "folder": _path("DOCTR_MODELS"),
        "detector": env.str("DOCTR_DETECTOR", default=""),
        "recogniser": env.str("DOCTR_RECOGNISER", default=""),
        "vocabulary": env.str("DOCTR_VOCABULARY", default=""),
        "calibration": _path("DOCTR_CALIBRATION"),
    },
    "openai_server": {
        "url": env.str("MODEL_SERVER_URL", default=""),
        "model": env.str("MODEL_SERVER_MODEL", default=""),
        "token": env.str("MODEL_SERVER_TOKEN", default=""),
        "prompt": env.str("MODEL_SERVER_PROMPT", default=""),
        "prompts": _PROMPTS,
        "fields": tuple(env.list("MODEL_SERVER_FIELDS", default=[])),
        "shown": _one_of("MODEL_SERVER_SHOWN", ("pictures", "text", "both"), "pictures"),
        "longest": _number("MODEL_SERVER_LONGEST", 0),
        "crops": env.bool("MODEL_SERVER_CROPS", default=False),
        "pages_together": _number("MODEL_SERVER_PAGES", 1),
        "max_tokens": _number("MODEL_SERVER_MAX_TOKENS", 4096),
        "schema": env.bool("MODEL_SERVER_SCHEMA", default=True),
        "logprobs": env.bool("MODEL_SERVER_LOGPROBS", default=True),
        "seconds": _number("MODEL_SERVER_SECONDS", 120),
        "attempts": _number("MODEL_SERVER_ATTEMPTS", 5),
        "concurrent": _number("MODEL_SERVER_CONCURRENT", 4),
        "ca_file": _path("MODEL_SERVER_CA_FILE"),
        "calibration": _path("MODEL_SERVER_CALIBRATION"),
    },
}

# --- what readers cost (docs/operations.md); 0: not stated -----------------------------------------
PRICE_CURRENCY = env.str("PRICE_CURRENCY", default="USD")
_WORKER = {"hour": _price("WORKER_PRICE_HOUR")}
PRICES: dict[str, dict[str, Any]] = {
    "layout": _WORKER,
    "layout_rules": _WORKER,
    "doctr": _WORKER,
    "llama": {"hour": _price("LLAMA_PRICE_HOUR")},
    "pixtral": {"hour": _price("PIXTRAL_PRICE_HOUR")},
    "openai_server": {
        "hour": _price("MODEL_SERVER_PRICE_HOUR"),
        "input_million": _price("MODEL_SERVER_PRICE_INPUT"),
        "output_million": _price("MODEL_SERVER_PRICE_OUTPUT"),
        "on_server": True,
    },
}
# Tokens of one question to the model server at most: nobody can count them beforehand, but a budget must hold.
MODEL_SERVER_MAX_INPUT = _number("MODEL_SERVER_MAX_INPUT", 16384)

# What was measured for pairs of readers (python -m extraction.evaluation.agreement): a folder of .json files.
AGREEMENTS_DIR = _path("AGREEMENTS_DIR")

# --- people, time, language --------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Four lines for every wake-up call say less than the one that the pipeline writes about each document.
    "loggers": {"django-q": {"level": "WARNING"}},
}
