"""The contracts between the services. Imports only the standard library and pydantic, and no other package here."""
