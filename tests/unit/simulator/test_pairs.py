import gzip
import json

import pytest

from contracts.assets import ASSETS, UnknownAsset
from simulator.pairs import pair_of


def test_names_are_those_of_the_venue(recorded):
    with gzip.open(recorded("kraken_rest/http_asset_pairs_all_20210417.json.gz")) as file:
        theirs = json.load(file)["result"]
    by_wsname = {row["wsname"]: (key, row) for key, row in theirs.items() if "wsname" in row}
    checked = 0
    for asset in ASSETS:
        for quote in ("USD", "EUR", "GBP", "USDT", "BTC", "ETH"):
            if asset.symbol == quote:
                continue
            pair = pair_of(f"{asset.symbol}/{quote}")
            if pair.wsname in by_wsname:
                key, row = by_wsname[pair.wsname]
                assert (pair.key, pair.altname) == (key, row["altname"])
                assert (pair.base_code, pair.quote_code) == (row["base"], row["quote"])
                checked += 1
    assert checked > 50


@pytest.mark.parametrize("name", ["BTC/USD", "XBT/USD", "XBTUSD", "XXBTZUSD"])
def test_every_spelling_is_one_pair(name):
    pair = pair_of(name)
    assert pair.symbol == "BTC/USD"
    assert name in pair.spellings()


def test_unknown_pairs_are_rejected():
    with pytest.raises(UnknownAsset):
        pair_of("NOPE/USD")


@pytest.mark.parametrize("asset", [asset.symbol for asset in ASSETS])
def test_every_asset_has_a_market_of_enough_precision(asset):
    for quote in ("USD", "EUR", "BTC"):
        if asset != quote:
            pair = pair_of(f"{asset}/{quote}")
            assert pair.start_price * 10**pair.decimals >= 6
