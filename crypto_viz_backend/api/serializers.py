"""What goes in (checked here) and what comes out (described here for /api/schema/; a test holds the answers to it)."""

from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, Literal, get_args

from rest_framework import serializers

from api.models import ArticleData, MarketData, PredictionData, TickerData
from api.periods import INTERVALS, BadTime, Span, fitting_interval, parse_moment, parse_period, span_of, whole_buckets
from api.selectors import Answer
from contracts.messages import MarketSource
from contracts.tables import ARTICLE_DATA, MARKET_DATA, PREDICTION_DATA, TICKER_DATA

SENTIMENT_INTERVALS = {name: width for name, width in INTERVALS.items() if name != "1m"}
"""A sentiment window is three minutes long: shorter buckets would show what is not there."""


class PeriodField(serializers.CharField):
    """A length of time such as `7d`."""

    def to_internal_value(self, data: Any) -> Any:
        return _or_invalid(parse_period, super().to_internal_value(data))


class MomentField(serializers.CharField):
    """A moment: ISO-8601, or seconds or milliseconds since 1970."""

    def to_internal_value(self, data: Any) -> Any:
        return _or_invalid(parse_moment, super().to_internal_value(data))


class ChoiceOfField(serializers.ChoiceField):
    """One of a few words; a wrong one is answered with the nearest."""

    def fail(self, key: str, **kwargs: Any) -> Any:
        raise serializers.ValidationError(_unknown(f"{kwargs.get('input')}", list(self.choices), "is not one of"))


def _or_invalid(parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except BadTime as error:
        raise serializers.ValidationError(str(error)) from None


def _unknown(text: str, known: list[str], problem: str) -> str:
    near = get_close_matches(text.casefold(), known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{text[:40]!r} {problem} {', '.join(known) or 'none'}{hint}"


_STRANGER = "is not a parameter here; known are"


class Query(serializers.Serializer[Any]):
    """The parameters of a request, each with the list of its values; none by itself.

    An unknown one is refused with the nearest that is known.
    """

    def to_internal_value(self, data: Any) -> Any:
        strangers = [name for name in data if name not in self.fields]
        if strangers:
            known = list(self.fields)
            raise serializers.ValidationError({name: [_unknown(name, known, _STRANGER)] for name in strangers})
        repeated = [name for name, values in data.items() if len(values) > 1]
        if repeated:
            raise serializers.ValidationError({name: ["is given more than once"] for name in repeated})
        return super().to_internal_value({name: values[0] for name, values in data.items()})


class SpanQuery(Query):
    """A stretch of time by at most two of periode, start and end."""

    periode = PeriodField(required=False, help_text="Length of the stretch: a number and m, h, d or w, such as 7d")
    start = MomentField(required=False, help_text="First moment: ISO-8601, or seconds or milliseconds since 1970")
    end = MomentField(required=False, help_text="The moment after the last; now if it is left out")

    default_period = timedelta(days=7)

    def span(self, now: datetime) -> Span:
        """The stretch that was asked for. Raises `ValidationError`."""
        asked = self.validated_data
        default = Span(now - self.default_period, now)
        return _span_or_invalid(lambda: span_of(asked.get("periode"), asked.get("start"), asked.get("end"), default))


class SeriesQuery(SpanQuery):
    """A stretch of time whose answer has an order."""

    order = ChoiceOfField(("asc", "desc"), required=False, help_text="Oldest first (asc) or newest first (desc)")

    natural_order: Literal["asc", "desc"] = "asc"

    def arranged(self, answer: Answer) -> Answer:
        """The answer in the order that was asked for."""
        asked = self.validated_data.get("order", self.natural_order)
        return answer if asked == self.natural_order else replace(answer, rows=answer.rows[::-1])


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

    interval = ChoiceOfField(tuple(INTERVALS), required=False, help_text="Length of a candle; left out: by the period")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=10_080, help_text="The newest so many only")

    def buckets(self, now: datetime) -> tuple[Span, timedelta]:
        """The whole buckets that begin in the stretch asked for, and their length. Raises `ValidationError`."""
        span = self.span(now)
        width = self.intervals[self.validated_data.get("interval") or fitting_interval(span, self.intervals)]
        return _span_or_invalid(lambda: whole_buckets(span, width)), width


class SentimentHistoryQuery(PriceHistoryQuery):
    """Sentiment buckets."""

    intervals = SENTIMENT_INTERVALS
    default_period = timedelta(days=7)

    interval = ChoiceOfField(tuple(SENTIMENT_INTERVALS), required=False, help_text="Length of a bucket")


class PredictionsQuery(SeriesQuery):
    """Forecasts."""

    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=1000, help_text="The newest so many of a model"
    )


class ArticlesQuery(SeriesQuery):
    """Articles."""

    default_period = timedelta(days=366)
    natural_order = "desc"

    limit = serializers.IntegerField(default=20, min_value=1, max_value=200, help_text="The newest so many")


class MarketQuery(Query):
    """Markets at the polled sources."""

    def get_fields(self) -> dict[str, Any]:
        # as a class attribute, `source` would hide the serializer's own
        one = ChoiceOfField(get_args(MarketSource), required=False, help_text="The markets of this source alone")
        return {**super().get_fields(), "source": one}


class ImpactQuery(SpanQuery):
    """Stories."""

    default_period = timedelta(days=30)


class CandleOut(serializers.Serializer[Any]):
    """A candle; its timestamp is the moment it begins."""

    timestamp = serializers.DateTimeField()
    pair = serializers.CharField()
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.FloatField(help_text="Of the trades in it, in the base asset")
    trade_count = serializers.IntegerField()
    closed = serializers.BooleanField(help_text="Whether its time is over")


class SentimentOut(serializers.Serializer[Any]):
    """Mean sentiment of a bucket; its timestamp is the moment it begins."""

    timestamp = serializers.DateTimeField()
    sentiment_score = serializers.FloatField(help_text="From 0 (negative) to 1 (positive)")
    sentiment_label = serializers.ChoiceField(("positive", "neutral", "negative"))
    confidence = serializers.FloatField(help_text="Mean of the stories, from 0 (no evidence) to 1")
    article_count = serializers.IntegerField(help_text="Articles, those that repeat a story included")
    story_count = serializers.IntegerField(help_text="Stories first told in it: each counts once, by its confidence")


class TickerOut(serializers.ModelSerializer[Any]):
    """The newest state of a pair's market."""

    class Meta:
        model = TickerData
        fields = TICKER_DATA.written_columns


class MarketOut(serializers.ModelSerializer[Any]):
    """The newest state of a pair's market at a polled source; null: the source does not tell."""

    class Meta:
        model = MarketData
        fields = MARKET_DATA.written_columns


class PredictionOut(serializers.ModelSerializer[Any]):
    """A forecast, made at the end of its window."""

    class Meta:
        model = PredictionData
        fields = PREDICTION_DATA.written_columns


class ArticleOut(serializers.ModelSerializer[Any]):
    """An article and its sentiment."""

    class Meta:
        model = ArticleData
        fields = ARTICLE_DATA.written_columns


class ImpactOut(serializers.Serializer[Any]):
    """What the price did after stories of one label, so many minutes after, on the mean. Each story counts once."""

    sentiment_label = serializers.ChoiceField(("positive", "neutral", "negative"))
    horizon_minutes = serializers.ChoiceField((5, 30, 60))
    stories = serializers.IntegerField(help_text="How many the mean is of")
    without_price = serializers.IntegerField(help_text="Not in it: a price is missing, or the time is not over")
    mean_return_percent = serializers.FloatField(allow_null=True, help_text="Mean change of the price; null: no story")
    low_percent = serializers.FloatField(allow_null=True, help_text="Of its 95 % interval; null below two stories")
    high_percent = serializers.FloatField(allow_null=True, help_text="Of its 95 % interval; null below two stories")


class FreshnessOut(serializers.Serializer[Any]):
    """How fresh a table is."""

    newest_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)


class HealthOut(serializers.Serializer[Any]):
    """How the API is."""

    status = serializers.ChoiceField(("ok", "down"))
    database = serializers.ChoiceField(("reachable", "unreachable"))
    as_of = serializers.DateTimeField()
    tables = serializers.DictField(child=FreshnessOut())


class ParameterProblemOut(serializers.Serializer[Any]):
    """What is wrong with a parameter."""

    parameter = serializers.CharField()
    detail = serializers.CharField()


class ProblemOut(serializers.Serializer[Any]):
    """What went wrong (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    request_id = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        # as a class attribute, `errors` would hide the serializer's own
        return {**super().get_fields(), "errors": ParameterProblemOut(many=True)}


class GapsOut(serializers.Serializer[Any]):
    """The gaps on record that are open within the stretch asked for, summed up; none: 0 and null."""

    count = serializers.IntegerField()
    missing_trades = serializers.IntegerField(help_text="How many trades are missing in them")
    from_time = serializers.DateTimeField(allow_null=True, help_text="Event time of the last trade before the first")
    to_time = serializers.DateTimeField(allow_null=True, help_text="Event time of the first trade after the last")


def envelope_of(item: type[serializers.BaseSerializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The description of an answer that carries items of one kind."""
    fields: dict[str, Any] = {
        "crypto_symbol": serializers.CharField(help_text="What was asked for, in capitals"),
        "asset": serializers.CharField(help_text="The canonical symbol of it"),
        "count": serializers.IntegerField(),
        "data": item(many=True),
        "as_of": serializers.DateTimeField(help_text="When this answer was made"),
        "source_time": serializers.DateTimeField(allow_null=True, help_text="When the newest thing in it happened"),
        "lag_ms": serializers.IntegerField(allow_null=True, help_text="as_of less source_time"),
        "complete": serializers.BooleanField(allow_null=True, help_text="false: some are missing; null: not known"),
        "gaps": GapsOut(allow_null=True, help_text="What is known to be missing, of candles; else null"),
    }
    return type(f"{item.__name__.removesuffix('Out')}Answer", (serializers.Serializer,), fields)
