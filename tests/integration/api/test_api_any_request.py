"""Any request gets one of the expected statuses, never a 500."""

from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATHS = [
    *("prix/{}/historique/", "prix/{}/temps_reel/", "marche/{}/"),
    *("sentiment/{}/historique/", "predictions/{}/", "articles/{}/"),
    "impact/{}/",
]

any_text = st.text(max_size=30)
names = st.one_of(st.sampled_from(["btc", "XBT", "btc-usd", "eth/eur", "uni"]), any_text)
times = st.one_of(
    any_text,
    st.integers(-(10**18), 10**18).map(str),
    st.floats().map(str),
    st.datetimes().map(str),
    st.sampled_from(["2026-01-01", "2026-01-01T00:00:00.123456789Z", "20260101", "2026-W01-1", "2099-12-31T23:59:59Z"]),
)
parameters = st.fixed_dictionaries(
    {},
    optional={
        "periode": st.one_of(any_text, st.from_regex(r"[0-9]{1,8}[mhdw]", fullmatch=True)),
        "start": times,
        "end": times,
        "interval": st.one_of(any_text, st.sampled_from(["1m", "1h", "1d"])),
        "limit": st.one_of(any_text, st.integers().map(str)),
        "order": st.one_of(any_text, st.sampled_from(["asc", "desc"])),
        "%": any_text,
    },
)


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from(PATHS), name=names, asked=parameters)
def test_no_request_causes_an_internal_error(client, api_database, path, name, asked):
    query = urlencode(asked, errors="surrogatepass")
    response = client.get(f"/api/v1/{path.format(quote(name, safe='', errors='surrogatepass'))}?{query}")
    assert response.status_code in (200, 301, 400, 404)
    if response.status_code in (400, 404):
        assert response.headers["Content-Type"] == "application/problem+json"
