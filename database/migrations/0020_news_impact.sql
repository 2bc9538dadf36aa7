-- What prices did after the news: an event study. Each story once, when we learned of it; no price from later than its time.
CREATE INDEX article_data_collected ON article_data (collected_at DESC);

CREATE FUNCTION price_at(pair text, at timestamptz) RETURNS double precision
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT trade.price
        FROM trade_data trade
        WHERE trade.pair = price_at.pair AND trade.timestamp <= at AND trade.timestamp > at - INTERVAL '5 minutes'
        ORDER BY trade.timestamp DESC, trade.trade_id DESC
        LIMIT 1
    );
COMMENT ON FUNCTION price_at IS 'Price of the pair''s last trade at or before a moment; NULL where that is 5 minutes old or older';

-- Student's t: exact up to 3 degrees of freedom, from there Abramowitz and Stegun 26.7.5, right to 0.05 %.
CREATE FUNCTION interval_half_95(count bigint, deviation double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE
        WHEN count = 2 THEN 12.7062047
        WHEN count = 3 THEN 4.3026527
        WHEN count = 4 THEN 3.1824463
        WHEN count > 4 THEN 1.9599640 + 2.3722712 / (count - 1) + 2.8224977 / (count - 1) ^ 2
            + 2.5558500 / (count - 1) ^ 3 + 1.5895340 / (count - 1) ^ 4
    END * deviation / sqrt(count);
COMMENT ON FUNCTION interval_half_95 IS
    'Half the width of the 95 % interval of a mean, from how many values it is of and their standard deviation; NULL below two';

CREATE VIEW v_story_returns AS
SELECT
    crypto_symbol,
    story_id,
    told_at,
    sentiment_label,
    sentiment_score,
    confidence,
    horizon_minutes,
    price_before,
    price_after,
    (price_after / price_before - 1) * 100 AS return_percent
FROM (
    SELECT
        asset.symbol AS crypto_symbol,
        article.story_id,
        article.collected_at AS told_at,
        article.sentiment_label,
        article.sentiment_score,
        article.confidence,
        horizon.minutes AS horizon_minutes,
        price_at(asset.symbol || '/USD', article.collected_at) AS price_before,
        CASE WHEN article.collected_at + make_interval(mins => horizon.minutes) <= now()
            THEN price_at(asset.symbol || '/USD', article.collected_at + make_interval(mins => horizon.minutes))
        END AS price_after
    FROM article_data article
    CROSS JOIN unnest(article.cryptocurrencies_mentioned) AS asset (symbol)
    CROSS JOIN unnest(ARRAY[5, 30, 60]) AS horizon (minutes)
    WHERE article.article_id = article.story_id
) told;
COMMENT ON VIEW v_story_returns IS
    'Each story once for every asset it names: what the asset''s price in USD did 5, 30 and 60 minutes after we learned of it';
COMMENT ON COLUMN v_story_returns.crypto_symbol IS 'Canonical symbol, such as BTC';
COMMENT ON COLUMN v_story_returns.story_id IS 'The article that told the story first';
COMMENT ON COLUMN v_story_returns.told_at IS 'When we learned of that article, in its newest version, whose sentiment this is';
COMMENT ON COLUMN v_story_returns.sentiment_label IS 'positive above 0.6, negative below 0.4, else neutral';
COMMENT ON COLUMN v_story_returns.sentiment_score IS 'From 0 (negative) to 1 (positive)';
COMMENT ON COLUMN v_story_returns.confidence IS 'How much evidence the score rests on, from 0 to 1';
COMMENT ON COLUMN v_story_returns.horizon_minutes IS 'How long after: 5, 30 or 60 minutes';
COMMENT ON COLUMN v_story_returns.price_before IS 'Price of the last trade at or before told_at; NULL where that is 5 minutes old or older';
COMMENT ON COLUMN v_story_returns.price_after IS 'The same so many minutes later; NULL until then';
COMMENT ON COLUMN v_story_returns.return_percent IS 'Change from price_before to price_after in percent; NULL where either is';

CREATE VIEW v_news_impact AS
SELECT
    crypto_symbol,
    sentiment_label,
    horizon_minutes,
    count(return_percent) AS stories,
    count(*) - count(return_percent) AS without_price,
    avg(return_percent) AS mean_return_percent,
    avg(return_percent) - interval_half_95(count(return_percent), stddev_samp(return_percent)) AS low_percent,
    avg(return_percent) + interval_half_95(count(return_percent), stddev_samp(return_percent)) AS high_percent
FROM v_story_returns
GROUP BY crypto_symbol, sentiment_label, horizon_minutes;
COMMENT ON VIEW v_news_impact IS
    'What prices did after stories of each label, on the mean: per asset and 5, 30 and 60 minutes after, each story once';
COMMENT ON COLUMN v_news_impact.crypto_symbol IS 'Canonical symbol, such as BTC';
COMMENT ON COLUMN v_news_impact.sentiment_label IS 'Label of the stories';
COMMENT ON COLUMN v_news_impact.horizon_minutes IS 'How long after: 5, 30 or 60 minutes';
COMMENT ON COLUMN v_news_impact.stories IS 'How many stories the mean is of';
COMMENT ON COLUMN v_news_impact.without_price IS 'Stories that are not in it: a price is missing, or the time is not over yet';
COMMENT ON COLUMN v_news_impact.mean_return_percent IS 'Mean change of the price in percent; NULL without stories';
COMMENT ON COLUMN v_news_impact.low_percent IS 'Lower bound of the mean''s 95 % interval (Student''s t), as if stories were independent; NULL below two';
COMMENT ON COLUMN v_news_impact.high_percent IS 'Upper bound of the same';
