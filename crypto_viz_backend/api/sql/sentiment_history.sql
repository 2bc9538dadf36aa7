-- Sentiment of one asset per bucket of the windows that began in it, oldest first: each window with the weight of its
-- stories, which is what they are together (their mean confidence, times how many); 0.5 where nothing has weight.
-- Windows follow one another, and a story votes where it was first told, so it counts once. The window still open is
-- among them: it holds the newest, and grows. The bounds on timestamp, a window's end, let the index find the rows.
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
