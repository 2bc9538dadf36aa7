"""The committed schema and the page in doc/ match the code."""

import yaml

from contracts.settings import ROOT

SCHEMA = ROOT / "crypto_viz_backend" / "openapi.yaml"


def test_the_committed_schema_matches_the_code(client):
    """Regenerate with: python crypto_viz_backend/manage.py spectacular --file crypto_viz_backend/openapi.yaml"""
    served = yaml.safe_load(client.get("/api/schema/").content)
    assert yaml.safe_load(SCHEMA.read_text(encoding="utf-8")) == served


def test_the_page_has_every_operation_and_parameter(client):
    page = (ROOT / "doc" / "06-backend-api.md").read_text(encoding="utf-8")
    operations = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["paths"]
    assert len(operations) == 8
    for path, operation in operations.items():
        line = next(row for row in page.splitlines() if row.startswith(f"| `{path.removeprefix('/api/v1/')}`"))
        asked = [given["name"] for given in operation["get"].get("parameters", []) if given["in"] == "query"]
        assert [name for name in asked if name not in line] == []


def test_a_head_request_has_the_headers_of_a_get_and_no_body(client, api_database):
    response = client.head("/api/v1/articles/btc/")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "application/json"
