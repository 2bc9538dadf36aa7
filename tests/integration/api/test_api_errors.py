"""All errors of the API have one format, a reason, and a suggestion."""

import pytest

PATHS = [
    *("prix/{}/historique/", "prix/{}/temps_reel/", "marche/{}/"),
    *("sentiment/{}/historique/", "predictions/{}/", "articles/{}/"),
    "impact/{}/",
]


def _problem(response, status):
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert list(body) == ["type", "title", "status", "detail", "instance", "errors", "request_id"]
    assert body["status"] == status
    assert body["request_id"] == response.headers["X-Request-ID"]
    return body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("name", "hint"), [("btcc", "BTC"), ("etherium", "ETH"), ("BTC-XYZ", ""), ("%00", ""), ("é", "")]
)
def test_an_unknown_coin_is_not_found_and_the_closest_is_suggested(client, api_database, path, name, hint):
    body = _problem(client.get("/api/v1/" + path.format(name)), 404)
    assert body["title"] == "Not Found"
    assert body["detail"].startswith("unknown asset or pair ")
    assert hint in body["detail"]


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_parameter_is_rejected(client, api_database, path):
    body = _problem(client.get("/api/v1/" + path.format("btc"), {"limite": "5"}), 400)
    assert [error["parameter"] for error in body["errors"]] == ["limite"]
    assert "'limite' is not a parameter here" in body["detail"]


@pytest.mark.parametrize(
    ("path", "parameters", "parameter", "detail"),
    [
        ("prix/btc/historique/", {"period": "7d"}, "period", "did you mean periode?"),
        ("prix/btc/historique/", {"periode": "7j"}, "periode", "such as 7d"),
        ("prix/btc/historique/", {"periode": ""}, "periode", "may not be blank"),
        ("prix/btc/historique/", {"periode": "9999d"}, "periode", "the longest period is 366d"),
        ("prix/btc/historique/", {"interval": "2m"}, "interval", "did you mean 5m?"),
        ("prix/btc/historique/", {"interval": "1m", "periode": "30d"}, "periode", "ask for interval=5m"),
        ("prix/btc/historique/", {"limit": "0"}, "limit", "greater than or equal to 1"),
        ("prix/btc/historique/", {"limit": "many"}, "limit", "valid integer"),
        ("prix/btc/historique/", {"start": "soon"}, "start", "'soon' is not a time"),
        ("prix/btc/historique/", {"start": "2026-01-02", "end": "2026-01-01"}, "periode", "end must be after start"),
        ("prix/btc/historique/", {"periode": ["1d", "2d"]}, "periode", "given more than once"),
        ("sentiment/btc/historique/", {"interval": "1m"}, "interval", "5m, 15m, 1h, 4h, 1d"),
        ("marche/btc/", {"source": "binanse"}, "source", "did you mean binance?"),
        ("marche/btc/", {"source": ""}, "source", "is not one of binance, coingecko"),
        ("predictions/btc/", {"limit": "1001"}, "limit", "less than or equal to 1000"),
        ("articles/btc/", {"limit": "201"}, "limit", "less than or equal to 200"),
        ("articles/btc/", {"order": "up"}, "order", "is not one of asc, desc"),
        ("articles/btc/", {"start": "1", "end": "2"}, "start", "lies outside 2009-01-03 to 2100-01-01"),
    ],
)
def test_an_invalid_value_is_rejected_with_a_suggestion(client, api_database, path, parameters, parameter, detail):
    body = _problem(client.get(f"/api/v1/{path}", parameters), 400)
    assert body["title"] == "Bad Request"
    (error, *_) = body["errors"]
    assert error["parameter"] == parameter
    assert detail in error["detail"]
    assert error["detail"] in body["detail"]


def test_several_errors_are_reported_together(client, api_database):
    body = _problem(client.get("/api/v1/articles/btc/", {"limit": "x", "periode": "y"}), 400)
    assert {error["parameter"] for error in body["errors"]} == {"limit", "periode"}


@pytest.mark.parametrize("path", [*PATHS, "health/"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_only_reading_is_allowed(client, api_database, path, method):
    response = getattr(client, method)("/api/v1/" + path.format("btc"))
    assert _problem(response, 405)["title"] == "Method Not Allowed"
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/nope", "/api/v1/nope/", "/api/v1/prix/btc/", "/api/v2/prix/btc/historique/"])
def test_an_unknown_path_refers_to_the_schema(client, django_ready, path):
    assert "/api/schema/" in _problem(client.get(path), 404)["detail"]


def test_an_unsupported_accept_header_is_not_acceptable(client, api_database):
    assert _problem(client.get("/api/v1/articles/btc/", headers={"Accept": "image/png"}), 406)["status"] == 406


def test_a_foreign_host_is_rejected(client, django_ready):
    assert _problem(client.get("/api/v1/health/", headers={"Host": "example.org"}), 400)["title"] == "Bad Request"


def test_a_valid_request_id_of_the_client_is_kept(client, django_ready):
    assert client.get("/nope", headers={"X-Request-ID": "abc-123"}).json()["request_id"] == "abc-123"
    assert client.get("/nope", headers={"X-Request-ID": "a b\nc"}).json()["request_id"] != "a b\nc"


def test_an_internal_error_is_a_problem_without_details(client, api_database, monkeypatch, caplog):
    def broken(**_):
        raise RuntimeError("internal detail")

    monkeypatch.setattr("api.selectors.price_latest", broken)
    body = _problem(client.get("/api/v1/prix/btc/temps_reel/"), 500)
    assert "internal detail" not in body["detail"]
    assert [record.request_id for record in caplog.records if record.name == "api.errors"] == [body["request_id"]]


def test_requests_are_counted_by_route_not_by_path(client, api_database):
    from prometheus_client import REGISTRY

    def count(route, status):
        labels = {"method": "GET", "route": route, "status": status}
        return REGISTRY.get_sample_value("cryptoviz_api_requests_total", labels) or 0.0

    route = "/api/v1/articles/<crypto:crypto>/"
    before = count(route, "200"), count(route, "404"), count("unmatched", "404")
    for path in ("articles/btc/", "articles/eth/", "articles/nothing/", "nothing/"):
        client.get(f"/api/v1/{path}")
    assert (count(route, "200"), count(route, "404"), count("unmatched", "404")) == (
        before[0] + 2,
        before[1] + 1,
        before[2] + 1,
    )
