"""The Django project: settings, root URLs, WSGI and ASGI applications."""
