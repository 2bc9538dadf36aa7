"""Django models of the tables in responses, for the OpenAPI schema. Unmanaged: database/migrations owns the tables."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from contracts import tables


def _field(kind: str, nullable: bool) -> "models.Field[Any, Any]":
    match kind:
        case tables.TIME:
            return models.DateTimeField(null=nullable)
        case tables.FLOAT:
            return models.FloatField(null=nullable)
        case tables.TEXTS:
            return ArrayField(models.TextField(), null=nullable)
        case tables.BIG:
            return models.BigIntegerField(null=nullable)
        case tables.INT:
            return models.IntegerField(null=nullable)
        case _:
            return models.TextField(null=nullable)


def _model(name: str, table: tables.Table) -> type[models.Model]:
    fields = {column: _field(kind, column in table.nullable) for column, kind in table.columns.items()}
    meta = type("Meta", (), {"managed": False, "db_table": table.name, "app_label": "api"})
    key = models.CompositePrimaryKey(*table.natural_key)
    return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, "pk": key, **fields})


TickerData = _model("TickerData", tables.TICKER_DATA)
ArticleData = _model("ArticleData", tables.ARTICLE_DATA)
MarketData = _model("MarketData", tables.MARKET_DATA)
PredictionData = _model("PredictionData", tables.PREDICTION_DATA)
