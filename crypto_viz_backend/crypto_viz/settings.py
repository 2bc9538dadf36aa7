"""Django's settings, from contracts.settings. No users, sessions or migrations: the API is read-only."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from contracts.settings import ApiSettings, BadSettings, load_settings

_config = load_settings(ApiSettings)

SECRET_KEY = _config.api_secret_key.get_secret_value()
if not SECRET_KEY:
    raise BadSettings("settings: CRYPTOVIZ_API_SECRET_KEY is empty; set it, or run: python -m scripts.secret_keys")

DEBUG = False
ALLOWED_HOSTS = list(_config.api_allowed_hosts)
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
ROOT_URLCONF = "crypto_viz.urls"
WSGI_APPLICATION = "crypto_viz.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING_CONFIG = None
APPEND_SLASH = True

INSTALLED_APPS = ["rest_framework", "drf_spectacular", "api"]
MIDDLEWARE = [
    "api.middleware.observe_request",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.common.CommonMiddleware",
]

SESSION_OPTIONS = "-c timezone=UTC -c default_transaction_read_only=on -c statement_timeout=10000"
"""Options of every connection: read-only and with a statement timeout, in addition to the role's privileges."""


def database_of(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a libpq URL: persistent connections with health checks before use.

    Parameters of the URL, such as `sslmode`, are kept.
    """
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query))
    options = f"{parameters.pop('options', '')} {SESSION_OPTIONS}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 3, "application_name": "api", **parameters, "options": options},
    }


DATABASES = {"default": database_of(_config.api_database_url)}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.JsonRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.problem_of_exception",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CRYPTO VIZ",
    "VERSION": "1",
    "DESCRIPTION": "Prices, sentiment, forecasts and news of crypto assets, read-only.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": False,
}
