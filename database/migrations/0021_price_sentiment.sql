-- A window in which nothing has weight (all abstain, or all repeat older stories) says nothing about an asset: beside a
-- candle stands the newest that does.
CREATE OR REPLACE VIEW v_price_sentiment_1h AS
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
        AND confidence > 0
    ORDER BY timestamp DESC
    LIMIT 1
) mood ON true;
COMMENT ON COLUMN v_price_sentiment_1h.sentiment_score IS
    'Score of the stories first told in that window, weighted by confidence, from 0 (negative) to 1 (positive); NULL if none was known';
