import re
from pathlib import Path

import pytest

from contracts.settings import (
    PREFIX,
    SECRETS_FILE,
    BadSettings,
    StackSettings,
    environment_name,
    load_settings,
    loading,
)

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"^# ([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """Neither this machine's environment nor its .env has a say."""
    for name in {environment_name(field) for field in StackSettings.model_fields}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(loading, "ROOT", tmp_path)
    monkeypatch.setenv("CRYPTOVIZ_DATA_DIR", str(tmp_path / "data"))


def example() -> list[tuple[str, str]]:
    return LINE.findall((ROOT / ".env.example").read_text(encoding="utf-8"))


def test_example_lists_every_setting_once_and_no_other():
    names = [name for name, _ in example()]
    assert sorted(names) == sorted(environment_name(field) for field in StackSettings.model_fields)


def test_example_changes_nothing_as_it_is():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_example_shows_the_defaults(monkeypatch):
    monkeypatch.chdir(ROOT)
    defaults = load_settings(StackSettings).model_dump(exclude={"data_dir"})
    for name, value in example():
        monkeypatch.setenv(name, value)
    shown = load_settings(StackSettings)
    assert shown.model_dump(exclude={"data_dir"}) == defaults
    assert shown.data_dir.resolve() == StackSettings.model_fields["data_dir"].default.resolve()


def test_example_describes_every_setting():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for field, info in StackSettings.model_fields.items():
        assert info.description
        assert f"# {info.description}" in text, field


def test_environment_wins_over_dotenv_wins_over_secrets(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / SECRETS_FILE).write_text(
        "CRYPTOVIZ_DB_API_PASSWORD=generated\nCRYPTOVIZ_DB_WRITER_PASSWORD=generated\nCRYPTOVIZ_API_SECRET_KEY=generated\n"
    )
    (tmp_path / ".env").write_text("CRYPTOVIZ_DB_API_PASSWORD=mine\nCRYPTOVIZ_DB_WRITER_PASSWORD=mine\n")
    monkeypatch.setenv("CRYPTOVIZ_DB_API_PASSWORD", "now")
    found = load_settings(StackSettings)
    assert found.db_api_password.get_secret_value() == "now"
    assert found.db_writer_password.get_secret_value() == "mine"
    assert found.api_secret_key.get_secret_value() == "generated"


def test_days_are_split_by_table(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_KEEP_DAYS", "ticker_data=90, sentiment_data = 1,")
    assert load_settings(StackSettings).keep_days == {"ticker_data": 90, "sentiment_data": 1}


def test_thresholds_are_read_by_pair_under_its_canonical_name(monkeypatch):
    assert load_settings(StackSettings).alert_thresholds == {}
    monkeypatch.setenv("CRYPTOVIZ_ALERT_THRESHOLDS", "XBT/USD=0.75, doge-usd = 2,")
    assert load_settings(StackSettings).alert_thresholds == {"BTC/USD": 0.75, "DOGE/USD": 2.0}


def test_pairs_are_split_made_canonical_and_named_once(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_PAIRS", "XBT/USD, eth-usd ,BTC/USD,")
    assert load_settings(StackSettings).pairs == ("BTC/USD", "ETH/USD")
    monkeypatch.setenv("CRYPTOVIZ_BINANCE_PAIRS", "BTCUSDT,ether/usdt, xbt/usdt")
    assert load_settings(StackSettings).binance_pairs == ("BTC/USDT", "ETH/USDT")
    monkeypatch.setenv("CRYPTOVIZ_COINGECKO_COINS", "bitcoin,avalanche-2,XBT")
    assert load_settings(StackSettings).coingecko_coins == ("BTC", "AVAX")


@pytest.mark.parametrize(
    ("name", "value", "story"),
    [
        ("CRYPTOVIZ_PAIRS", "FOO/USD", "unknown asset or pair 'FOO/USD'"),
        ("CRYPTOVIZ_BINANCE_PAIRS", "BTC", "BTC is an asset, not a pair"),
        ("CRYPTOVIZ_BINANCE_INTERVAL", "7m", "Input should be '1m'"),
        ("CRYPTOVIZ_PAIRS", "BTC/AUD", "to add a coin or quote, list it in contracts/assets.py"),
        ("CRYPTOVIZ_COINGECKO_COINS", "bitcoinn", "did you mean BTC, LTC"),
        ("CRYPTOVIZ_COINGECKO_COINS", "PEPECOIN", "contracts/assets.py"),
        ("CRYPTOVIZ_COINGECKO_COINS", ",", "name at least one coin"),
        ("CRYPTOVIZ_PAIRS", "BTC", "did you mean BTC/USD"),
        ("CRYPTOVIZ_PAIRS", ",", "name at least one pair"),
        ("CRYPTOVIZ_API_PORT", "70000", "less than or equal to 65535"),
        ("CRYPTOVIZ_KEEP_DAYS", "tick_data=90", "no table is called tick_data; there are ticker_data, trade_data"),
        ("CRYPTOVIZ_KEEP_DAYS", "trade_data=6", "kept as long as Kafka keeps rawtrade: 7 days at least"),
        ("CRYPTOVIZ_KEEP_DAYS", "sentiment_data=0", "greater than 0"),
        ("CRYPTOVIZ_KEEP_DAYS", "trade_data", "valid integer"),
        ("CRYPTOVIZ_ALERT_THRESHOLD_PERCENT", "0", "greater than 0"),
        ("CRYPTOVIZ_ALERT_THRESHOLDS", "BTC/USD=0", "greater than 0"),
        ("CRYPTOVIZ_ALERT_THRESHOLDS", "BTC=1", "did you mean BTC/USD"),
        ("CRYPTOVIZ_ALERT_THRESHOLDS", "FOO/USD=1", "unknown asset or pair 'FOO/USD'"),
        ("CRYPTOVIZ_ALERT_THRESHOLDS", "BTC/USD", "valid number"),
        ("CRYPTOVIZ_LOG_LEVEL", "LOUD", "'DEBUG', 'INFO'"),
    ],
)
def test_a_wrong_value_ends_the_process_naming_variable_and_fault(monkeypatch, name, value, story):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as end:
        load_settings(StackSettings)
    assert str(end.value).startswith(f"settings: {name}=")
    assert story in str(end.value)
    assert ".env.example" in str(end.value)


def test_an_unknown_variable_ends_the_process_naming_the_nearest(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_KRAKEN_WSURL", "ws://127.0.0.1")
    with pytest.raises(BadSettings, match="no setting is called CRYPTOVIZ_KRAKEN_WSURL; did you mean CRYPTOVIZ_KRAKEN"):
        load_settings(StackSettings)


def test_passwords_are_not_printed(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_DB_API_PASSWORD", "hunter2")
    assert "hunter2" not in repr(load_settings(StackSettings))


def test_database_urls_of_the_roles(monkeypatch):
    monkeypatch.setenv("CRYPTOVIZ_DB_WRITER_PASSWORD", "p@ss/word")
    assert load_settings(StackSettings).writer_database_url == (
        "postgresql://cryptoviz_writer:p%40ss%2Fword@127.0.0.1:5433/cryptoviz"
    )
    monkeypatch.setenv("DATABASE_URL", "postgresql://boss:secret@db.example:5432/market?sslmode=require")
    outside = load_settings(StackSettings)
    assert outside.owner_database_url == "postgresql://boss:secret@db.example:5432/market?sslmode=require"
    assert outside.writer_database_url == (
        "postgresql://cryptoviz_writer:p%40ss%2Fword@db.example:5432/market?sslmode=require"
    )


def test_only_the_settings_read_the_environment():
    readers = re.compile(r"os\.environ|os\.getenv|from os import (environ|getenv)")
    offenders = [
        str(path.relative_to(ROOT))
        for part in ("contracts", "data_producers")
        for path in (ROOT / part).rglob("*.py")
        if readers.search(path.read_text(encoding="utf-8"))
    ]
    assert offenders == ["contracts/settings/loading.py"]
    assert all(name.startswith(PREFIX) or name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL") for name, _ in example())
