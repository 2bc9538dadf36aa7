"""The API operations: each validates parameters, calls a selector and returns the envelope. Errors are raised."""

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
from api.timescale_client import DatabaseUnavailable
from contracts.assets import UnknownAsset

_HEALTH = {200: serializers.HealthOut, 503: serializers.HealthOut}
_READ_ONLY = ["get", "head"]

_Item = type[BaseSerializer[Any]]
_Operation = TypeVar("_Operation", bound=Callable[..., Response])
_Q = TypeVar("_Q", bound=serializers.Query)


def _described(item: _Item, query: type[serializers.Query] | None, summary: str) -> Callable[[_Operation], _Operation]:
    """Adds an operation to the OpenAPI schema."""
    problem = OpenApiResponse(serializers.ProblemOut)
    responses: dict[Any, Any] = {200: serializers.envelope_of(item)}
    responses |= {(status, PROBLEM_JSON): problem for status in (400, 404, 503)}
    parameters = [] if query is None else [query]
    entry: Callable[[_Operation], _Operation] = extend_schema(
        summary=summary, parameters=parameters, responses=responses
    )
    return entry


class ReadView(APIView):
    """Base of the operations on an asset: GET and HEAD only, validated parameters, the response envelope."""

    http_method_names = _READ_ONLY

    def query(self, request: Request, kind: type[_Q]) -> _Q:
        """The validated parameters. Raises `ValidationError`."""
        query = kind(data=dict(request.query_params.lists()))
        query.is_valid(raise_exception=True)
        return query

    def market(self, crypto: str) -> selectors.RequestedMarket:
        """The market for the name in the path. Raises `NotFound` with the closest known names."""
        try:
            return selectors.market_of(crypto=crypto)
        except UnknownAsset as error:
            raise NotFound(str(error)) from None

    def envelope(self, crypto: str, asset: str, result: selectors.ReadResult, now: datetime) -> Response:
        """The response of a read."""
        lag = None if result.source_time is None else round((now - result.source_time).total_seconds() * 1000)
        return Response(
            {
                "crypto_symbol": crypto.upper(),
                "asset": asset,
                "count": len(result.rows),
                "data": result.rows,
                "as_of": now,
                "source_time": result.source_time,
                "lag_ms": lag,
                "complete": result.complete,
                "gaps": result.gaps,
            }
        )

    def buckets(
        self,
        request: Request,
        crypto: str,
        kind: type[serializers.PriceHistoryQuery],
        read: Callable[..., selectors.ReadResult],
    ) -> Response:
        """The response of a read per bucket: `read(market, span=, interval=, limit=, now=)`."""
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, kind)
        span, interval = query.buckets(now)
        limit = query.validated_data.get("limit")
        result = read(market, span=span, interval=interval, limit=limit, now=now)
        return self.envelope(crypto, market.symbol, query.arranged(result), now)


class PriceHistory(ReadView):
    """Candles computed from trades; buckets without trades are omitted. In USD unless a pair is requested."""

    @_described(serializers.CandleOut, serializers.PriceHistoryQuery, "Candles")
    def get(self, request: Request, crypto: str) -> Response:
        return self.buckets(
            request,
            crypto,
            serializers.PriceHistoryQuery,
            lambda market, **bounds: selectors.price_history(pair=market.pair, **bounds),
        )


class PriceLatest(ReadView):
    """The newest ticker of each pair of an asset, or of the requested pair."""

    @_described(serializers.TickerOut, None, "The newest ticker of each pair of an asset")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        self.query(request, serializers.Query)
        return self.envelope(crypto, market.symbol, selectors.price_latest(pairs=market.pairs), now)


class MarketLatest(ReadView):
    """The newest market snapshots of an asset, or of the requested pair, at the polled sources."""

    @_described(
        serializers.MarketOut,
        serializers.MarketQuery,
        "The newest market snapshots of an asset at Binance and CoinGecko",
    )
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.MarketQuery)
        source = query.validated_data.get("source")
        return self.envelope(crypto, market.symbol, selectors.market_latest(pairs=market.pairs, source=source), now)


class SentimentHistory(ReadView):
    """Mean sentiment of the stories first published in each bucket, weighted by confidence. Each story counts once."""

    @_described(serializers.SentimentOut, serializers.SentimentHistoryQuery, "Mean sentiment per bucket")
    def get(self, request: Request, crypto: str) -> Response:
        return self.buckets(
            request,
            crypto,
            serializers.SentimentHistoryQuery,
            lambda market, **bounds: selectors.sentiment_history(symbol=market.symbol, **bounds),
        )


class Predictions(ReadView):
    """Forecasts of closed windows. `actual_price` is null until the target time has passed."""

    @_described(serializers.PredictionOut, serializers.PredictionsQuery, "The newest forecasts per model and horizon")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.PredictionsQuery)
        limit = query.validated_data["limit"]
        result = selectors.prediction_list(symbol=market.symbol, span=query.span(now), limit=limit, now=now)
        return self.envelope(crypto, market.symbol, query.arranged(result), now)


class Articles(ReadView):
    """Articles that mention an asset, each with its sentiment."""

    @_described(serializers.ArticleOut, serializers.ArticlesQuery, "The newest articles that mention an asset")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        query = self.query(request, serializers.ArticlesQuery)
        limit = query.validated_data["limit"]
        result = selectors.article_list(symbol=market.symbol, span=query.span(now), limit=limit)
        return self.envelope(crypto, market.symbol, query.arranged(result), now)


class NewsImpact(ReadView):
    """Mean change of the USD price 5, 30 and 60 minutes after stories about an asset were collected, by sentiment."""

    @_described(serializers.ImpactOut, serializers.ImpactQuery, "Mean price change after news")
    def get(self, request: Request, crypto: str) -> Response:
        market, now = self.market(crypto), datetime.now(UTC)
        span = self.query(request, serializers.ImpactQuery).span(now)
        return self.envelope(crypto, market.symbol, selectors.news_impact(symbol=market.symbol, span=span), now)


class Health(APIView):
    """Whether the database is reachable, and the age of the newest row per table. 503 if unreachable."""

    http_method_names = _READ_ONLY

    @extend_schema(summary="Status of the API and freshness of its data", responses=_HEALTH)
    def get(self, request: Request) -> Response:
        now = datetime.now(UTC)
        try:
            newest = selectors.table_freshness()
        except DatabaseUnavailable:
            body = {"status": "down", "database": "unreachable", "as_of": now, "tables": {}}
            return Response(body, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        tables = {
            name: {"newest_at": at, "age_seconds": None if at is None else round((now - at).total_seconds(), 3)}
            for name, at in newest.items()
        }
        return Response({"status": "ok", "database": "reachable", "as_of": now, "tables": tables})


class HomePage(View):
    """The page at `/`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(HOME)
