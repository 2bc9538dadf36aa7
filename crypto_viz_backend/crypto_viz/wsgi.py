"""The WSGI application, for gunicorn: `gunicorn -c crypto_viz_backend/gunicorn.conf.py crypto_viz.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "crypto_viz.settings"

application = get_wsgi_application()
