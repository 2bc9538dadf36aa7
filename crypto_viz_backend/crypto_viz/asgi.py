"""The ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "crypto_viz.settings"

application = get_asgi_application()
