-- Views for people who ask in SQL.

CREATE VIEW v_data_quality AS
SELECT
    pair,
    count(*) AS trades,
    max(trade_id) - min(trade_id) + 1 - count(*) AS missing_trades,
    max(timestamp) AS newest_at,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - timestamp)) AS lateness_p50_seconds,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - timestamp)) AS lateness_p99_seconds,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM inserted_at - received_at)) AS storing_p99_seconds
FROM trade_data
WHERE timestamp > now() - INTERVAL '1 day'
GROUP BY pair;
COMMENT ON VIEW v_data_quality IS
    'The trades of the last day per pair: how many numbers in the venue''s sequence are missing, and how late the rest came';

CREATE VIEW v_price_sentiment_1h AS
SELECT
    candle.pair,
    candle.timestamp,
    candle.open,
    candle.close,
    candle.volume,
    mood.timestamp AS sentiment_at,
    mood.sentiment_score,
    mood.article_count
FROM candles_1h candle
LEFT JOIN LATERAL (
    SELECT timestamp, sentiment_score, article_count
    FROM sentiment_data
    WHERE crypto_symbol = split_part(candle.pair, '/', 1)
        AND source = 'aggregated_articles'
        AND timestamp <= candle.timestamp
    ORDER BY timestamp DESC
    LIMIT 1
) mood ON true;
COMMENT ON VIEW v_price_sentiment_1h IS
    'Hourly candles beside the newest sentiment that was known when the hour began: no look ahead';
