"""The settings of each process: exactly the sections it reads, and the secrets of its own role.

A wrong setting stops only the processes that read it. Bases are in one order everywhere, a service's own sections
before those that services share: `StackSettings` needs a consistent order.
"""

from contracts.settings.api import ApiKeySection, ApiSection
from contracts.settings.articles import FeedsSection, ScorerSection
from contracts.settings.database import AnalystSection, ApiRoleSection, OwnerSection, RetentionSection, WriterSection
from contracts.settings.kafka import KafkaSection, KafkaServerSection
from contracts.settings.kraken import AlertSection, KrakenRestSection, KrakenStreamSection, KrakenTradesSection
from contracts.settings.markets import BinanceSection, CoinGeckoSection, MarketPollerSection
from contracts.settings.monitoring import CandleAuditSection, MetricsSection, PrometheusSection, ServiceHostSection
from contracts.settings.notifier import NotifierSection
from contracts.settings.pairs import PairsSection
from contracts.settings.simulator import SimulatorSection
from contracts.settings.spark import RawJobSection, SparkSection, WindowJobSection


class KrakenProducerSettings(
    KrakenTradesSection, KrakenStreamSection, AlertSection, PairsSection, KafkaSection, MetricsSection
):
    """Of data_producers.kraken_producer."""


class MarketPollerSettings(BinanceSection, CoinGeckoSection, MarketPollerSection, KafkaSection, MetricsSection):
    """Of data_producers.market_poller."""


class ArticleScraperSettings(FeedsSection, ScorerSection, KafkaSection, MetricsSection):
    """Of data_producers.article_scraper."""


class BackfillSettings(KrakenTradesSection, BinanceSection, KafkaSection):
    """Of the process that publishes history: data_producers.backfill."""


class SparkJobSettings(SparkSection, KafkaSection, WriterSection, MetricsSection):
    """What both Spark jobs read."""


class RawJobSettings(RawJobSection, SparkJobSettings):
    """Of spark_jobs.kafka_to_timescale."""


class WindowJobSettings(WindowJobSection, SparkJobSettings):
    """Of spark_jobs.sentiment_prediction_job."""


class AcceptUnreadableSettings(KafkaSection, WriterSection):
    """Of spark_jobs.accept_unreadable."""


class ApiSettings(ApiSection, ApiRoleSection, MetricsSection):
    """Of the API: gunicorn and Django."""


class CandleAuditSettings(KrakenRestSection, CandleAuditSection, PairsSection, ApiRoleSection, MetricsSection):
    """Of monitoring.candle_audit."""


class NotifierSettings(NotifierSection, KafkaSection, MetricsSection):
    """Of the notifier."""


class SimulatorSettings(SimulatorSection, PairsSection, MetricsSection):
    """Of the simulator."""


class MigrationSettings(OwnerSection, WriterSection, ApiRoleSection, AnalystSection, RetentionSection):
    """Of database.migrate, which sets every role's password."""


class RetentionSettings(OwnerSection, RetentionSection):
    """Of database.retention."""


class AuditSettings(KafkaSection, OwnerSection, RetentionSection):
    """Of the audit of what is stored against Kafka."""


class BackfillCommandSettings(BinanceSection, SimulatorSection, AuditSettings):
    """Of the command around a backfill, which waits for the database and refreshes the candles."""


class EmbeddedKafkaSettings(KafkaServerSection, KafkaSection):
    """Of the embedded Kafka."""


class SecretSettings(ApiKeySection, OwnerSection, WriterSection, ApiRoleSection, AnalystSection):
    """Of the command that generates the installation's secrets."""


class StackSettings(
    KrakenProducerSettings,
    MarketPollerSettings,
    ArticleScraperSettings,
    BackfillSettings,
    RawJobSettings,
    WindowJobSettings,
    AcceptUnreadableSettings,
    ApiSettings,
    CandleAuditSettings,
    NotifierSettings,
    BackfillCommandSettings,
    SimulatorSettings,
    MigrationSettings,
    RetentionSettings,
    SecretSettings,
    EmbeddedKafkaSettings,
    PrometheusSection,
    ServiceHostSection,
):
    """Every setting: only of what looks after the whole stack."""
