"""The page at `/`: links to the API."""

HOME = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>CRYPTO VIZ</title>
<h1>CRYPTO VIZ</h1>
<p>Prices, sentiment, forecasts and news of crypto assets.</p>
<ul>
<li><a href="/api/v1/prix/btc/temps_reel/">/api/v1/prix/btc/temps_reel/</a> the newest ticker of each pair
<li><a href="/api/v1/prix/btc/historique/?periode=24h">/api/v1/prix/btc/historique/?periode=24h</a> candles
<li><a href="/api/v1/marche/btc/">/api/v1/marche/btc/</a> Binance and CoinGecko
<li><a href="/api/v1/sentiment/btc/historique/?periode=7d">/api/v1/sentiment/btc/historique/?periode=7d</a> sentiment
<li><a href="/api/v1/predictions/btc/">/api/v1/predictions/btc/</a> forecasts
<li><a href="/api/v1/articles/btc/">/api/v1/articles/btc/</a> news
<li><a href="/api/v1/impact/btc/?periode=30d">/api/v1/impact/btc/?periode=30d</a> mean price change after news
<li><a href="/api/v1/health/">/api/v1/health/</a> status and freshness
<li><a href="/api/schema/">/api/schema/</a> OpenAPI schema
</ul>
</html>
"""
