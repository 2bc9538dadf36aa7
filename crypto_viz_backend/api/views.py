"""The operations of the API: parameters in, a selector asked, one envelope out. Every error is raised, none written."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.views import View
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from api import selectors, serializers
from api.errors import PROBLEM_JSON, RETRY_AFTER_SECONDS
from api.home import HOME
from api.timescale_client import DatabaseAway
from contracts.assets import UnknownAsset

HEALTH = {200: serializers.HealthOut, 503: serializers.HealthOut}
READ_ONLY = ["get", "head"]

Item = type[BaseSerializer[Any]]
Operation = TypeVar("Operation", bound=Callable[..., Response])
Q = TypeVar("Q", bound=serializers.Query)


def _described(item: Item, query: type[serializers.Query] | None, summary: str) -> Callable[[Operation], Operation]:
    """The entry of an operation in the schema."""
    problem = OpenApiResponse(serializers.ProblemOut)
    responses: dict[Any, Any] = {200: serializers.envelope_of(item)}
    responses |= {(status, PROBLEM_JSON): problem for status in (400, 404, 503)}
    parameters = [] if query is None else [query]
    entry: Callable[[Operation], Operation] = extend_schema(summary=summary, parameters=parameters, responses=responses)
    return entry


class ReadView(APIView):
    """What all operations on an asset share: GET alone, checked parameters, and the envelope."""

    http_method_names = READ_ONLY

    def query(self, request: Request, kind: type[Q]) -> Q:
        """The parameters, checked. Raises `ValidationError`."""
        query = kind(data=dict(request.query_params.lists()))
        query.is_valid(raise_exception=True)
        return query

    def market(self, crypto: str) -> selectors.Market:
        """The market that goes by the name in the path. Raises `NotFound` with the nearest names."""
        try:
            return selectors.market_of(crypto=crypto)
        except UnknownAsset as error:
            raise NotFound(str(error)) from None

    def envelope(self, crypto: str, asset: str, answer: selectors.Answer, now: datetime) -> Response:
        """The answer as clients know it."""
        lag = None if answer.source_time is None else round((now - answer.source_time).total_seconds() * 1000)
        return Response(
            {
                "crypto_symbol": crypto.upper(),
                "asset": asset,
                "count": len(answer.rows),
                "data": answer.rows,
                "as_of": now,
                "source_time": answer.source_time,
                "lag_ms": lag,
                "complete": answer.complete,
                "gaps": answer.gaps,
            }
        )


class PriceHistory(ReadView):
    """Candles from trades, stamped at their start; empty ones are absent. In USD unless a pair is named."""

    @_described(serializers.CandleOut, serializers.PriceHistoryQuery, "Candles")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.PriceHistoryQuery)
        span, interval = query.buckets(now)
        limit = query.validated_data.get("limit")
        answer = selectors.price_history(pair=market.pair, span=span, interval=interval, limit=limit, now=now)
        return self.envelope(crypto, market.symbol, query.arranged(answer), now)


class PriceLatest(ReadView):
    """The newest ticker of each pair of an asset, or of the pair that is named."""

    @_described(serializers.TickerOut, None, "The newest ticker of each pair of an asset")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        self.query(request, serializers.Query)
        return self.envelope(crypto, market.symbol, selectors.price_latest(pairs=market.pairs), now)


class MarketLatest(ReadView):
    """The newest state of an asset's markets at the polled sources, or of the pair that is named."""

    @_described(
        serializers.MarketOut, serializers.MarketQuery, "The newest markets of an asset at Binance and CoinGecko"
    )
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.MarketQuery)
        source = query.validated_data.get("source")
        return self.envelope(crypto, market.symbol, selectors.market_latest(pairs=market.pairs, source=source), now)


class SentimentHistory(ReadView):
    """Mean sentiment per bucket of the stories first told in it, weighted by confidence: one story counts once."""

    @_described(serializers.SentimentOut, serializers.SentimentHistoryQuery, "Mean sentiment per bucket")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.SentimentHistoryQuery)
        span, interval = query.buckets(now)
        limit = query.validated_data.get("limit")
        answer = selectors.sentiment_history(symbol=market.symbol, span=span, interval=interval, limit=limit, now=now)
        return self.envelope(crypto, market.symbol, query.arranged(answer), now)


class Predictions(ReadView):
    """Forecasts whose window has ended; `actual_price` is null until the target has passed."""

    @_described(serializers.PredictionOut, serializers.PredictionsQuery, "The newest forecasts of each model")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.PredictionsQuery)
        limit = query.validated_data["limit"]
        answer = selectors.prediction_list(symbol=market.symbol, span=query.span(now), limit=limit, now=now)
        return self.envelope(crypto, market.symbol, query.arranged(answer), now)


class Articles(ReadView):
    """Articles that mention an asset, each with its sentiment."""

    @_described(serializers.ArticleOut, serializers.ArticlesQuery, "The newest articles that mention an asset")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.ArticlesQuery)
        limit = query.validated_data["limit"]
        answer = selectors.article_list(symbol=market.symbol, span=query.span(now), limit=limit)
        return self.envelope(crypto, market.symbol, query.arranged(answer), now)


class NewsImpact(ReadView):
    """What the price in USD did 5, 30 and 60 minutes after stories on an asset were learned of, by their sentiment."""

    @_described(serializers.ImpactOut, serializers.ImpactQuery, "What the price did after the news")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        span = self.query(request, serializers.ImpactQuery).span(now)
        return self.envelope(crypto, market.symbol, selectors.news_impact(symbol=market.symbol, span=span), now)


class Health(APIView):
    """Whether the database answers, and how old the newest row of each table is. 503 if it does not."""

    http_method_names = READ_ONLY

    @extend_schema(summary="Whether the API can answer, and how fresh its data are", responses=HEALTH)
    def get(self, request: Request) -> Response:
        now = datetime.now(UTC)
        try:
            newest = selectors.table_freshness()
        except DatabaseAway:
            body = {"status": "down", "database": "unreachable", "as_of": now, "tables": {}}
            return Response(body, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        tables = {
            name: {"newest_at": at, "age_seconds": None if at is None else round((now - at).total_seconds(), 3)}
            for name, at in newest.items()
        }
        return Response({"status": "ok", "database": "reachable", "as_of": now, "tables": tables})


class HomePage(View):
    """Where to go from here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(HOME)
