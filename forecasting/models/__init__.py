"""Forecast models. A model is one file here and one line in `forecasting/registry.py`. Pure."""
