"""Request parameters, with validation, and response schemas for /api/schema/. A test compares responses with them."""

from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, Literal, get_args

from rest_framework import serializers

from api.models import ArticleData, MarketData, PredictionData, TickerData
from api.periods import INTERVALS, BadTime, Span, fitting_interval, parse_moment, parse_period, span_of, whole_buckets
from api.selectors import ReadResult
from contracts.messages import MarketSource
from contracts.tables import ARTICLE_DATA, MARKET_DATA, PREDICTION_DATA, TICKER_DATA

SENTIMENT_INTERVALS = {name: width for name, width in INTERVALS.items() if name != "1m"}
"""Buckets of at least a sentiment window, which is three minutes long."""


class PeriodField(serializers.CharField):
    """A period such as `7d`."""

    def to_internal_value(self, data: Any) -> Any:
        return _or_invalid(parse_period, super().to_internal_value(data))


class MomentField(serializers.CharField):
    """A time: ISO-8601, or epoch seconds or milliseconds."""

    def to_internal_value(self, data: Any) -> Any:
        return _or_invalid(parse_moment, super().to_internal_value(data))


class ChoiceOfField(serializers.ChoiceField):
    """One of several values. The error for any other one suggests the closest."""

    def fail(self, key: str, **kwargs: Any) -> Any:
        raise serializers.ValidationError(_with_nearest(f"{kwargs.get('input')}", list(self.choices), "is not one of"))


def _or_invalid(parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except BadTime as error:
        raise serializers.ValidationError(str(error)) from None


def _with_nearest(text: str, known: list[str], problem: str) -> str:
    near = get_close_matches(text.casefold(), known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{text[:40]!r} {problem} {', '.join(known) or 'none'}{hint}"


_UNKNOWN_PARAMETER = "is not a parameter here; allowed are"


class Query(serializers.Serializer[Any]):
    """Query parameters of a request, each as a list of values. Accepts none itself.

    Rejects unknown parameters, suggesting the closest known one, and repeated ones.
    """

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            known = list(self.fields)
            raise serializers.ValidationError(
                {name: [_with_nearest(name, known, _UNKNOWN_PARAMETER)] for name in unknown}
            )
        repeated = [name for name, values in data.items() if len(values) > 1]
        if repeated:
            raise serializers.ValidationError({name: ["is given more than once"] for name in repeated})
        return super().to_internal_value({name: values[0] for name, values in data.items()})


class SpanQuery(Query):
    """A time range, by at most two of periode, start and end."""

    periode = PeriodField(required=False, help_text="Length of the time range: a number and m, h, d or w, such as 7d")
    start = MomentField(required=False, help_text="Start, inclusive: ISO-8601, or epoch seconds or milliseconds")
    end = MomentField(required=False, help_text="End, exclusive, in the same formats; default: now")

    default_period = timedelta(days=7)

    def span(self, now: datetime) -> Span:
        """The requested time range. Raises `ValidationError`."""
        requested = self.validated_data
        default = Span(now - self.default_period, now)
        return _span_or_invalid(
            lambda: span_of(requested.get("periode"), requested.get("start"), requested.get("end"), default)
        )


class SeriesQuery(SpanQuery):
    """A time range with a sort order."""

    order = ChoiceOfField(("asc", "desc"), required=False, help_text="Oldest first (asc) or newest first (desc)")

    natural_order: Literal["asc", "desc"] = "asc"

    def arranged(self, result: ReadResult) -> ReadResult:
        """The result in the requested order."""
        requested = self.validated_data.get("order", self.natural_order)
        return result if requested == self.natural_order else replace(result, rows=result.rows[::-1])


def _span_or_invalid(make: Any) -> Span:
    try:
        span: Span = make()
    except BadTime as error:
        raise serializers.ValidationError({"periode": [str(error)]}) from None
    return span


class PriceHistoryQuery(SeriesQuery):
    """Candles."""

    intervals = INTERVALS
    default_period = timedelta(days=1)

    interval = ChoiceOfField(
        tuple(INTERVALS), required=False, help_text="Candle length; default: depends on the time range"
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=10_080, help_text="Return only the newest N"
    )

    def buckets(self, now: datetime) -> tuple[Span, timedelta]:
        """The range of all buckets that begin in the requested range, and their length. Raises `ValidationError`."""
        span = self.span(now)
        width = self.intervals[self.validated_data.get("interval") or fitting_interval(span, self.intervals)]
        return _span_or_invalid(lambda: whole_buckets(span, width)), width


class SentimentHistoryQuery(PriceHistoryQuery):
    """Sentiment buckets."""

    intervals = SENTIMENT_INTERVALS
    default_period = timedelta(days=7)

    interval = ChoiceOfField(
        tuple(SENTIMENT_INTERVALS), required=False, help_text="Bucket length; default: depends on the time range"
    )


class PredictionsQuery(SeriesQuery):
    """Forecasts."""

    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=1000, help_text="Return only the newest N per model and horizon"
    )


class ArticlesQuery(SeriesQuery):
    """Articles."""

    default_period = timedelta(days=366)
    natural_order = "desc"

    limit = serializers.IntegerField(default=20, min_value=1, max_value=200, help_text="Return only the newest N")


class MarketQuery(Query):
    """Markets at the polled sources."""

    def get_fields(self) -> dict[str, Any]:
        # a class attribute `source` would hide the serializer's own
        one = ChoiceOfField(get_args(MarketSource), required=False, help_text="Return only this source")
        return {**super().get_fields(), "source": one}


class ImpactQuery(SpanQuery):
    """Stories."""

    default_period = timedelta(days=30)


class CandleOut(serializers.Serializer[Any]):
    """A candle. `timestamp` is its open time."""

    timestamp = serializers.DateTimeField()
    pair = serializers.CharField()
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.FloatField(help_text="Traded volume in the base asset")
    trade_count = serializers.IntegerField()
    closed = serializers.BooleanField(help_text="Whether the candle has closed")


class SentimentOut(serializers.Serializer[Any]):
    """Mean sentiment of a bucket. `timestamp` is its start."""

    timestamp = serializers.DateTimeField()
    sentiment_score = serializers.FloatField(help_text="From 0 (negative) to 1 (positive)")
    sentiment_label = serializers.ChoiceField(("positive", "neutral", "negative"))
    confidence = serializers.FloatField(help_text="Mean confidence of the stories, from 0 (no evidence) to 1")
    article_count = serializers.IntegerField(help_text="Articles, including several about one story")
    story_count = serializers.IntegerField(
        help_text="Stories first published in the bucket, each counted once and weighted by confidence"
    )


class TickerOut(serializers.ModelSerializer[Any]):
    """The newest ticker of a pair."""

    class Meta:
        model = TickerData
        fields = TICKER_DATA.written_columns


class MarketOut(serializers.ModelSerializer[Any]):
    """The newest market snapshot of a pair at a polled source. Null: not reported by the source."""

    class Meta:
        model = MarketData
        fields = MARKET_DATA.written_columns


class PredictionOut(serializers.ModelSerializer[Any]):
    """A forecast, computed at the end of its window."""

    class Meta:
        model = PredictionData
        fields = PREDICTION_DATA.written_columns


class ArticleOut(serializers.ModelSerializer[Any]):
    """An article and its sentiment."""

    class Meta:
        model = ArticleData
        fields = ARTICLE_DATA.written_columns


class ImpactOut(serializers.Serializer[Any]):
    """Mean price change after stories with one sentiment label, for one horizon. Each story counts once."""

    sentiment_label = serializers.ChoiceField(("positive", "neutral", "negative"))
    horizon_minutes = serializers.ChoiceField((5, 30, 60))
    stories = serializers.IntegerField(help_text="Sample count: stories in the mean")
    without_price = serializers.IntegerField(
        help_text="Stories not in the mean: a price is missing, or the horizon is not reached yet"
    )
    mean_return_percent = serializers.FloatField(
        allow_null=True, help_text="Mean price change in percent; null without stories"
    )
    low_percent = serializers.FloatField(
        allow_null=True, help_text="Lower bound of the 95 % interval; null below two stories"
    )
    high_percent = serializers.FloatField(
        allow_null=True, help_text="Upper bound of the 95 % interval; null below two stories"
    )


class FreshnessOut(serializers.Serializer[Any]):
    """Freshness of a table."""

    newest_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)


class HealthOut(serializers.Serializer[Any]):
    """Status of the API."""

    status = serializers.ChoiceField(("ok", "down"))
    database = serializers.ChoiceField(("reachable", "unreachable"))
    as_of = serializers.DateTimeField()
    tables = serializers.DictField(child=FreshnessOut())


class ParameterProblemOut(serializers.Serializer[Any]):
    """The error of one parameter."""

    parameter = serializers.CharField()
    detail = serializers.CharField()


class ProblemOut(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    request_id = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        # a class attribute `errors` would hide the serializer's own
        return {**super().get_fields(), "errors": ParameterProblemOut(many=True)}


class GapsOut(serializers.Serializer[Any]):
    """Summary of the open gaps in the requested time range; 0 and null if there are none."""

    count = serializers.IntegerField()
    missing_trades = serializers.IntegerField(help_text="Number of missing trades")
    from_time = serializers.DateTimeField(
        allow_null=True, help_text="Event time of the last trade before the first gap"
    )
    to_time = serializers.DateTimeField(allow_null=True, help_text="Event time of the first trade after the last gap")


def envelope_of(item: type[serializers.BaseSerializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The schema of a response with items of one kind."""
    fields: dict[str, Any] = {
        "crypto_symbol": serializers.CharField(help_text="The requested name, in upper case"),
        "asset": serializers.CharField(help_text="The canonical symbol of the asset"),
        "count": serializers.IntegerField(),
        "data": item(many=True),
        "as_of": serializers.DateTimeField(help_text="Time of this response"),
        "source_time": serializers.DateTimeField(
            allow_null=True, help_text="Event time of the newest data in the response"
        ),
        "lag_ms": serializers.IntegerField(allow_null=True, help_text="as_of minus source_time"),
        "complete": serializers.BooleanField(allow_null=True, help_text="false: trades are missing; null: unknown"),
        "gaps": GapsOut(allow_null=True, help_text="Known missing trades, for candles; else null"),
    }
    return type(f"{item.__name__.removesuffix('Out')}Answer", (serializers.Serializer,), fields)
