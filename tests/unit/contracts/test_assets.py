import re

import pytest

from contracts.assets import ASSETS, UnknownAsset, asset_of, canonical, is_symbol, pair_named, split_pair


@pytest.mark.parametrize("text", ["BTC", "btc", "XBT", "XXBT", "Bitcoin", " bitcoin ", "BTC/USD", "xbt/usd", "BTC-USD"])
def test_every_name_of_bitcoin_is_one_asset(text):
    assert asset_of(text).symbol == "BTC"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("XBT/USD", "BTC/USD"),
        ("XXBTZUSD", "BTC/USD"),
        ("XETHZEUR", "ETH/EUR"),
        ("XBTUSDT", "BTC/USDT"),
        ("XDG/USD", "DOGE/USD"),
        ("eth-xbt", "ETH/BTC"),
        ("ETH/XBT", "ETH/BTC"),
        ("bitcoin-cash", "BCH"),
        ("near-protocol", "NEAR"),
        ("ada_usd", "ADA/USD"),
        ("sol:usd", "SOL/USD"),
        ("ripple", "XRP"),
    ],
)
def test_canonical(text, name):
    assert canonical(text) == name


@pytest.mark.parametrize("text", ["", "FOO", "FOO/USD", "BTC/FOO", "BTC/USD/EUR", "/", "USD", "BTCUSDUSD", "B" * 5000])
def test_unknown_names_are_rejected(text):
    with pytest.raises(UnknownAsset):
        canonical(text)


def test_the_error_has_the_name_and_the_closest_known_ones():
    with pytest.raises(UnknownAsset, match=r"unknown asset or pair 'bitcoinn'; did you mean BTC"):
        asset_of("bitcoinn")
    with pytest.raises(UnknownAsset, match=r"unknown asset or pair 'PEPE/USD'; did you mean XRP/USD\?$"):
        asset_of("PEPE/USD")


def test_the_error_truncates_a_long_name():
    with pytest.raises(UnknownAsset) as error:
        asset_of("z" * 10_000)
    assert len(str(error.value)) < 200


def test_no_spelling_belongs_to_two_assets():
    spellings = [
        spelling
        for asset in ASSETS
        for spelling in {s.casefold() for s in (asset.symbol, asset.name, asset.coingecko_id, *asset.aliases)}
    ]
    assert len(spellings) == len(set(spellings))


def test_every_spelling_maps_to_its_asset_alone_and_in_a_pair():
    for asset in ASSETS:
        for spelling in (asset.symbol, asset.name, *asset.aliases):
            assert asset_of(spelling.upper()) is asset
            assert canonical(f"{spelling}/USD") == f"{asset.symbol}/USD"


@pytest.mark.parametrize(("text", "expected"), [("BTC", True), ("btc", False), ("XBT", False), ("BTC/USD", False)])
def test_is_symbol(text, expected):
    assert is_symbol(text) is expected


def test_split_pair_of_an_asset_is_none():
    assert split_pair("BTC") is None


@pytest.mark.parametrize(
    ("symbol", "coingecko_id"),
    [
        *(("BTC", "bitcoin"), ("XRP", "ripple"), ("BNB", "binancecoin"), ("AVAX", "avalanche-2"), ("TRX", "tron")),
        *(("NEAR", "near"), ("BCH", "bitcoin-cash"), ("SHIB", "shiba-inu"), ("USDC", "usd-coin"), ("ATOM", "cosmos")),
    ],
)
def test_an_asset_has_its_coingecko_id(symbol, coingecko_id):
    assert asset_of(symbol).coingecko_id == coingecko_id
    assert asset_of(coingecko_id).symbol == symbol


@pytest.mark.parametrize("text", ["XBT/USD", "btc-usd", "XXBTZUSD"])
def test_pair_named_accepts_any_spelling(text):
    assert pair_named(text) == "BTC/USD"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("xbt", "BTC is an asset, not a pair; did you mean BTC/USD?"),
        ("BTCC/EUR", "unknown asset or pair 'BTCC/EUR'; did you mean BTC/EUR, LTC/EUR? (to add a coin or quote"),
        ("BTC/AUD", "unknown asset or pair 'BTC/AUD'; did you mean BTC/USD? (to add a coin or quote"),
        ("dogge-gbpp", "did you mean DOGE/GBP? (to add a coin or quote"),
        ("bitcoinn", "did you mean BTC/USD, LTC/USD, BCH/USD? (to add a coin or quote"),
        ("BTCCUSDT", "did you mean BTC/USDT, LTC/USDT? (to add a coin or quote"),
        (
            "FOO/BAR",
            "unknown asset or pair 'FOO/BAR' (to add a coin or quote, list it in contracts/assets.py)",
        ),
        ("/USD", "unknown asset or pair '/USD' (to add a coin or quote"),
    ],
)
def test_an_invalid_pair_is_rejected_with_a_hint(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        pair_named(text)
