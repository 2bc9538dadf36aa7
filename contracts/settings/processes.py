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
    """Settings of data_producers.kraken_producer."""


class MarketPollerSettings(BinanceSection, CoinGeckoSection, MarketPollerSection, KafkaSection, MetricsSection):
    """Settings of data_producers.market_poller."""


class ArticleScraperSettings(FeedsSection, ScorerSection, KafkaSection, MetricsSection):
    """Settings of data_producers.article_scraper."""


class BackfillSettings(KrakenTradesSection, BinanceSection, KafkaSection):
    """Settings of the process that publishes history: data_producers.backfill."""


class SparkJobSettings(SparkSection, KafkaSection, WriterSection, MetricsSection):
    """What both Spark jobs read."""


class RawJobSettings(RawJobSection, SparkJobSettings):
    """Settings of spark_jobs.kafka_to_timescale."""


class WindowJobSettings(WindowJobSection, SparkJobSettings):
    """Settings of spark_jobs.sentiment_prediction_job."""


class AcceptUnreadableSettings(KafkaSection, WriterSection):
    """Settings of spark_jobs.accept_unreadable."""


class ApiSettings(ApiSection, ApiRoleSection, MetricsSection):
    """Settings of the API: gunicorn and Django."""


class CandleAuditSettings(KrakenRestSection, CandleAuditSection, PairsSection, ApiRoleSection, MetricsSection):
    """Settings of monitoring.candle_audit."""


class NotifierSettings(NotifierSection, KafkaSection, MetricsSection):
    """Settings of the notifier."""


class SimulatorSettings(SimulatorSection, PairsSection, MetricsSection):
    """Settings of the simulator."""


class MigrationSettings(OwnerSection, WriterSection, ApiRoleSection, AnalystSection, RetentionSection):
    """Settings of database.migrate, which sets every role's password."""


class RetentionSettings(OwnerSection, RetentionSection):
    """Settings of database.retention."""


class AuditSettings(KafkaSection, OwnerSection, RetentionSection):
    """Settings of the audit, which compares Kafka with the tables."""


class BackfillCommandSettings(BinanceSection, SimulatorSection, AuditSettings):
    """Settings of the command around a backfill, which waits for the database and refreshes the candles."""


class EmbeddedKafkaSettings(KafkaServerSection, KafkaSection):
    """Settings of the embedded Kafka."""


class SecretSettings(ApiKeySection, OwnerSection, WriterSection, ApiRoleSection, AnalystSection):
    """Settings of the command that generates the installation's secrets."""


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
    """Every setting, for the commands that manage the whole stack."""
