import pytest

from contracts.assets import ASSETS
from sentiment.mentions import mentions


@pytest.mark.parametrize(
    ("text", "coins"),
    [
        ("Bitcoin bulls have one price level to defend", ["BTC"]),
        ("bitcoin, BITCOIN and Bitcoin's halving", ["BTC"]),
        ("BTC/USD falls, $ETH holds, #XRP rises", ["BTC", "ETH", "XRP"]),
        ("eth and btc", ["ETH", "BTC"]),
        ("Most of the stolen funds sit in ether, which can't be frozen", ["ETH"]),
        ("The method brings us together; whether it works is another matter", []),
        ("Ethereum-based token, Solana/Ethereum bridge", ["ETH", "SOL"]),
        ("Bitcoin Cash jumps", ["BCH"]),
        ("bitcoin cash and bitcoin", ["BCH", "BTC"]),
        ("Bitcoin SV delisted, Ethereum Classic forked", []),
        ("Click the link near the dot of the uni", []),
        ("Chainlink's LINK, Polkadot's DOT, NEAR and UNI", ["LINK", "DOT", "NEAR", "UNI"]),
        ("traders love $link and $sol", ["LINK", "SOL"]),
        ("BITCOIN PRICES NEAR RECORD AS FUNDS LINK UP", ["BTC"]),
        ("PRICES NEAR RECORD, $NEAR TOO", ["NEAR"]),
        ("NEAR Protocol upgrades", ["NEAR"]),
        ("Ada Lovelace's birthday", []),
        ("ADA, by Cardano", ["ADA"]),
        ("a stellar week in the cosmos, an avalanche of news", []),
        ("Stellar and Cosmos lead, Avalanche follows", ["XLM", "ATOM", "AVAX"]),
        ("tron is back", []),
        ("Tron and TRON and TRX", ["TRX"]),
        ("Tether freezes USDT; USD Coin and USDC do not", ["USDT", "USDC"]),
        ("US dollar", []),
        ("XBT futures", ["BTC"]),
        ("dogecoin, Doge and XDG", ["DOGE"]),
        ("BTC100k", []),
        ("OBTC and BTCB", []),
        ("Ripple’s XRP", ["XRP"]),
        ("DOT fines airline over late refunds", []),
        ("DOT rebounds", ["DOT"]),
        ("ADA compliance for websites", []),
        ("DOGE staff leave ministry", []),
        ("DOGE price doubles", ["DOGE"]),
        ("$doge", ["DOGE"]),
        ("Ripple effects of the cut", []),
        ("Ripple loses appeal", ["XRP"]),
        ("a ripple in the market", []),
        ("Stellar cast announced", []),
        ("Stellar network outage", ["XLM"]),
        ("Avalanche closes road", []),
        ("Avalanche and Cosmos part ways", ["AVAX", "ATOM"]),
        ("Shiba Inu wins best in show", []),
        ("", []),
    ],
)
def test_mentions(text, coins):
    assert mentions(text) == coins


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.symbol)
def test_every_asset_is_found_by_name_and_by_ticker(asset):
    assert mentions(f"Why {asset.name} rose today") == [asset.symbol]
    assert mentions(f"Why {asset.symbol} rose today") == [asset.symbol]
    assert mentions(f"why ${asset.symbol.lower()} rose today") == [asset.symbol]
