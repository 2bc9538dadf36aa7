"""Every setting, typed and frozen, in sections; a process loads its own: `load_settings(ApiSettings)`.

`contracts.settings.processes` lists which process reads what, `contracts.settings.loading` where values come from.
"""

from contracts.settings.articles import ScorerSection
from contracts.settings.base import PREFIX, ROOT, SECRETS_FILE, BadSettings, Section
from contracts.settings.database import OwnerSection, Role
from contracts.settings.kafka import KafkaSection
from contracts.settings.loading import environment_name, load_settings
from contracts.settings.markets import BinanceSection, CoinGeckoSection
from contracts.settings.processes import (
    AcceptUnreadableSettings,
    ApiSettings,
    ArticleScraperSettings,
    AuditSettings,
    BackfillCommandSettings,
    BackfillSettings,
    CandleAuditSettings,
    EmbeddedKafkaSettings,
    KrakenProducerSettings,
    MarketPollerSettings,
    MigrationSettings,
    NotifierSettings,
    RawJobSettings,
    RetentionSettings,
    SecretSettings,
    SimulatorSettings,
    SparkJobSettings,
    StackSettings,
    WindowJobSettings,
)
from contracts.settings.simulator import SimulatorSection
from contracts.settings.spark import SparkSection

__all__ = [
    "PREFIX",
    "ROOT",
    "SECRETS_FILE",
    "AcceptUnreadableSettings",
    "ApiSettings",
    "ArticleScraperSettings",
    "AuditSettings",
    "BackfillCommandSettings",
    "BackfillSettings",
    "BadSettings",
    "BinanceSection",
    "CandleAuditSettings",
    "CoinGeckoSection",
    "EmbeddedKafkaSettings",
    "KafkaSection",
    "KrakenProducerSettings",
    "MarketPollerSettings",
    "MigrationSettings",
    "NotifierSettings",
    "OwnerSection",
    "RawJobSettings",
    "RetentionSettings",
    "Role",
    "ScorerSection",
    "SecretSettings",
    "Section",
    "SimulatorSection",
    "SimulatorSettings",
    "SparkJobSettings",
    "SparkSection",
    "StackSettings",
    "WindowJobSettings",
    "environment_name",
    "load_settings",
]
