"""What all endpoints share: asset names, envelope, schema, compression; health and the home page."""

import re
from datetime import datetime

import pytest

from tests.testkit.api_market import HOUR, PATHS, TODAY, get_json, iso

ALIASES = ["btc", "BTC", "bitcoin", "xbt", "XXBT", "BTC%2FUSD", "btc-usd", "BTCUSD", "XBT%2FUSD"]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("path", PATHS)
def test_all_names_of_an_asset_give_the_same_answer(client, path, alias):
    answer = get_json(client, path.format(alias))
    beside = ["as_of", "source_time", "lag_ms", "complete", "gaps"]
    assert list(answer) == ["crypto_symbol", "asset", "count", "data", *beside]
    assert (answer["gaps"] is None) == ("historique" not in path or "prix" not in path)
    assert answer["crypto_symbol"] == alias.replace("%2F", "/").upper()
    assert answer["asset"] == "BTC"
    assert answer["count"] == len(answer["data"]) > 0
    as_of, source_time = (datetime.fromisoformat(answer[name]) for name in ("as_of", "source_time"))
    assert answer["lag_ms"] == round((as_of - source_time).total_seconds() * 1000) >= 0
    plain = get_json(client, path.format("btc"))
    assert [row for row in plain["data"] if row.get("pair", "BTC/USD") == "BTC/USD"] == [
        row for row in answer["data"] if row.get("pair", "BTC/USD") == "BTC/USD"
    ]


@pytest.mark.parametrize("path", PATHS)
def test_a_known_asset_without_data_is_an_empty_answer(client, path):
    answer = get_json(client, path.format("dogecoin"))
    assert (answer["asset"], answer["count"], answer["data"]) == ("DOGE", 0, [])
    assert (answer["source_time"], answer["lag_ms"], answer["complete"]) == (None, None, None)


@pytest.mark.parametrize("path", ["health", "health/"])
def test_health_has_the_freshness_of_each_table(client, path):
    answer = get_json(client, path)
    assert (answer["status"], answer["database"]) == ("ok", "reachable")
    assert answer["tables"]["ticker_data"]["newest_at"] == iso(TODAY + HOUR)
    assert answer["tables"]["ticker_data"]["age_seconds"] > 0
    assert answer["tables"]["alert_data"] == {"newest_at": None, "age_seconds": None}


def _described(schema, node):
    while "$ref" in node:
        node = schema["components"]["schemas"][node["$ref"].rpartition("/")[2]]
    return node


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_has_the_fields_the_schema_describes(client, path):
    schema = client.get("/api/schema/", headers={"Accept": "application/json"}).json()
    operation = schema["paths"]["/api/v1/" + path.format("{crypto}")]["get"]
    envelope = _described(schema, operation["responses"]["200"]["content"]["application/json"]["schema"])
    item = _described(schema, envelope["properties"]["data"]["items"])
    answer = get_json(client, path.format("btc"))
    assert set(envelope["properties"]) == set(answer)
    assert set(item["properties"]) == set(answer["data"][0])


def test_a_large_answer_is_compressed_if_the_client_accepts_gzip(client):
    response = client.get("/api/v1/predictions/btc/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("root", ["/", "/api/v1/"])
def test_all_links_of_the_home_page_work(client, root):
    page = client.get(root).content.decode()
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 9
    assert [client.get(link).status_code for link in links] == [200] * 9
