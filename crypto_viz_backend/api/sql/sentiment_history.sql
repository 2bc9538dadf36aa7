-- Sentiment of an asset per bucket, over the windows that begin in it, oldest first. The weight of a window is its mean
-- confidence times its story count; the score is 0.5 if all weights are 0. Windows do not overlap, and a story belongs to
-- the window in which it was first published, so it counts once. The open window is included and still changes.
-- The bounds on timestamp, a window's end, allow use of the index.
SELECT
    time_bucket(%(interval)s, window_start) AS timestamp,
    coalesce(sum(sentiment_score * confidence * story_count) / nullif(sum(confidence * story_count), 0), 0.5)
        AS sentiment_score,
    coalesce(sum(confidence * story_count) / nullif(sum(story_count), 0), 0) AS confidence,
    sum(article_count) AS article_count,
    sum(story_count) AS story_count,
    least(max(timestamp), %(now)s) AS source_time
FROM sentiment_data
WHERE crypto_symbol = %(symbol)s
    AND source = %(source)s
    AND window_start >= %(start)s
    AND window_start < %(end)s
    AND timestamp > %(start)s
    AND timestamp < %(end)s + make_interval(secs => %(window_seconds)s)
GROUP BY 1
ORDER BY 1
