-- The newest market snapshot of each pair at each polled source, or at one source, in the order of the pairs.
SELECT
    timestamp, market.pair, source, price, change_24h, change_percent_24h, high_24h, low_24h, volume_24h,
    quote_volume_24h, weighted_average_24h, market_cap, bid, ask, spread, spread_percent, recent_trades,
    mean_trade_price, taker_buy_volume, received_at, timestamp AS source_time
FROM unnest(%(pairs)s::text[]) WITH ORDINALITY AS requested (pair, ordinal)
JOIN v_latest_markets market ON market.pair = requested.pair
WHERE %(source)s IS NULL OR source = %(source)s
ORDER BY ordinal, source
