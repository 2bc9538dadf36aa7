"""The Django project: settings, the root of the URLs, the WSGI application."""
