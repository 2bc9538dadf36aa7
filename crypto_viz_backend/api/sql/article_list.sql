-- The newest articles that mention an asset, newest first.
SELECT
    timestamp, article_id, title, url, website, summary, cryptocurrencies_mentioned, sentiment_score, sentiment_label,
    confidence, scorer, sentiment_hits, collected_at, revision, story_id, timestamp AS source_time
FROM article_data
WHERE cryptocurrencies_mentioned @> ARRAY[%(symbol)s]
    AND timestamp >= %(start)s
    AND timestamp < %(end)s
ORDER BY timestamp DESC, article_id DESC
LIMIT %(limit)s
