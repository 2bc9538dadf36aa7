-- One story, one vote: how many stories a window counts, beside its articles, and sentiment by the hour and by the day.
-- So far each article had a vote.
ALTER TABLE sentiment_data ADD COLUMN story_count integer;
UPDATE sentiment_data SET story_count = article_count;
ALTER TABLE sentiment_data ALTER COLUMN story_count SET NOT NULL;
COMMENT ON TABLE sentiment_data IS 'Sentiment of the news on an asset, one row per window that held any; windows follow one another';
COMMENT ON COLUMN sentiment_data.sentiment_score IS
    'Mean score of the stories first told in the window, weighted by confidence, from 0 (negative) to 1 (positive); 0.5 where nothing has weight';
COMMENT ON COLUMN sentiment_data.confidence IS 'Mean confidence of those stories, from 0 to 1; times story_count it is the weight of the row';
COMMENT ON COLUMN sentiment_data.article_count IS 'Articles in the window, those that repeat a story included; of an edited one the first version';
COMMENT ON COLUMN sentiment_data.story_count IS 'Stories first told in the window: each has one vote';

CREATE FUNCTION sentiment_label_of(score double precision) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN score > 0.6 THEN 'positive' WHEN score < 0.4 THEN 'negative' ELSE 'neutral' END;
COMMENT ON FUNCTION sentiment_label_of IS 'The label of a score: positive above 0.6, negative below 0.4, else neutral';

CREATE VIEW sentiment_1h AS
SELECT
    crypto_symbol,
    source,
    timestamp,
    sentiment_score,
    sentiment_label_of(sentiment_score) AS sentiment_label,
    confidence,
    article_count,
    story_count
FROM (
    SELECT
        crypto_symbol,
        source,
        time_bucket(INTERVAL '1 hour', window_start) AS timestamp,
        coalesce(sum(sentiment_score * confidence * story_count) / nullif(sum(confidence * story_count), 0), 0.5) AS sentiment_score,
        coalesce(sum(confidence * story_count) / nullif(sum(story_count), 0), 0) AS confidence,
        sum(article_count) AS article_count,
        sum(story_count) AS story_count
    FROM sentiment_data
    GROUP BY crypto_symbol, source, time_bucket(INTERVAL '1 hour', window_start)
) buckets;
COMMENT ON VIEW sentiment_1h IS
    'Sentiment of an asset by the hour: of the windows that began in it, each with the weight of its stories';

CREATE VIEW sentiment_1d AS
SELECT
    crypto_symbol,
    source,
    timestamp,
    sentiment_score,
    sentiment_label_of(sentiment_score) AS sentiment_label,
    confidence,
    article_count,
    story_count
FROM (
    SELECT
        crypto_symbol,
        source,
        time_bucket(INTERVAL '1 day', window_start) AS timestamp,
        coalesce(sum(sentiment_score * confidence * story_count) / nullif(sum(confidence * story_count), 0), 0.5) AS sentiment_score,
        coalesce(sum(confidence * story_count) / nullif(sum(story_count), 0), 0) AS confidence,
        sum(article_count) AS article_count,
        sum(story_count) AS story_count
    FROM sentiment_data
    GROUP BY crypto_symbol, source, time_bucket(INTERVAL '1 day', window_start)
) buckets;
COMMENT ON VIEW sentiment_1d IS
    'Sentiment of an asset by the day: of the windows that began in it, each with the weight of its stories';

DO $$
DECLARE
    view text;
BEGIN
    FOREACH view IN ARRAY ARRAY['sentiment_1h', 'sentiment_1d'] LOOP
        EXECUTE format('COMMENT ON COLUMN %I.crypto_symbol IS %L', view, 'Canonical symbol, such as BTC');
        EXECUTE format('COMMENT ON COLUMN %I.source IS %L', view, 'How the rows below came about: aggregated_articles');
        EXECUTE format('COMMENT ON COLUMN %I.timestamp IS %L', view, 'Start, in UTC');
        EXECUTE format('COMMENT ON COLUMN %I.sentiment_score IS %L', view, 'Mean score of the stories first told in it, weighted by confidence; 0.5 where nothing has weight');
        EXECUTE format('COMMENT ON COLUMN %I.sentiment_label IS %L', view, 'positive above 0.6, negative below 0.4, else neutral');
        EXECUTE format('COMMENT ON COLUMN %I.confidence IS %L', view, 'Mean confidence of those stories, from 0 to 1');
        EXECUTE format('COMMENT ON COLUMN %I.article_count IS %L', view, 'Articles, those that repeat a story included');
        EXECUTE format('COMMENT ON COLUMN %I.story_count IS %L', view, 'Stories first told in it');
    END LOOP;
END
$$;
