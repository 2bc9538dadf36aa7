"""Forecast models and their registry. Pure: no Spark, no Django, no database."""
