-- Mean price change of an asset after the stories about it, per sentiment label and horizon, each story counted once.
-- Like v_news_impact, but for stories first published in a time range.
SELECT
    sentiment_label,
    horizon_minutes,
    count(return_percent) AS stories,
    count(*) - count(return_percent) AS without_price,
    avg(return_percent) AS mean_return_percent,
    avg(return_percent) - interval_half_95(count(return_percent), stddev_samp(return_percent)) AS low_percent,
    avg(return_percent) + interval_half_95(count(return_percent), stddev_samp(return_percent)) AS high_percent,
    max(told_at) AS source_time
FROM v_story_returns
WHERE crypto_symbol = %(symbol)s AND told_at >= %(start)s AND told_at < %(end)s
GROUP BY sentiment_label, horizon_minutes
ORDER BY horizon_minutes, sentiment_label
