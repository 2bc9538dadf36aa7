-- Sentiment of one asset per bucket of the windows that began in it, weighted by the articles behind each, oldest first.
-- Windows follow one another, so an article counts once. The window still open is among them: it holds the newest
-- articles, and grows. The bounds on timestamp, a window's end, let the index find the rows.
SELECT
    time_bucket(%(interval)s, window_start) AS timestamp,
    sum(sentiment_score * article_count) / sum(article_count) AS sentiment_score,
    sum(confidence * article_count) / sum(article_count) AS confidence,
    sum(article_count) AS article_count,
    least(max(timestamp), %(now)s) AS source_time
FROM sentiment_data
WHERE crypto_symbol = %(symbol)s
    AND source = %(source)s
    AND window_start >= %(start)s
    AND window_start < %(end)s
    AND timestamp > %(start)s
    AND timestamp < %(end)s + make_interval(secs => %(window_seconds)s)
    AND article_count > 0
GROUP BY 1
ORDER BY 1
