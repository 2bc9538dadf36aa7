-- The six tables of contracts/tables.py. Times are UTC-aware; `timestamp` is when it happened, never when it was stored.
-- A unique key holds the time column, as a hypertable's must.

CREATE TABLE ticker_data (
    timestamp timestamptz NOT NULL,
    pair text NOT NULL,
    last double precision NOT NULL,
    bid double precision NOT NULL,
    ask double precision NOT NULL,
    volume_24h double precision NOT NULL,
    received_at timestamptz NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ticker_data_pair_time ON ticker_data (pair, timestamp DESC, received_at DESC);
COMMENT ON TABLE ticker_data IS 'States of each pair''s market, as the venue published them';
COMMENT ON COLUMN ticker_data.timestamp IS 'Event time at the venue';
COMMENT ON COLUMN ticker_data.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN ticker_data.last IS 'Price of the last trade, in the quote currency';
COMMENT ON COLUMN ticker_data.bid IS 'Best bid';
COMMENT ON COLUMN ticker_data.ask IS 'Best ask';
COMMENT ON COLUMN ticker_data.volume_24h IS 'Rolling 24-hour volume in the base asset; not to be summed';
COMMENT ON COLUMN ticker_data.received_at IS 'When the producer received it';
COMMENT ON COLUMN ticker_data.inserted_at IS 'When the row was stored';

CREATE TABLE trade_data (
    timestamp timestamptz NOT NULL,
    pair text NOT NULL,
    price double precision NOT NULL,
    volume double precision NOT NULL,
    side text NOT NULL,
    trade_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX trade_data_key ON trade_data (pair, trade_id, timestamp);
CREATE INDEX trade_data_pair_time ON trade_data (pair, timestamp DESC, trade_id DESC);
COMMENT ON TABLE trade_data IS 'Every trade once, by (pair, trade_id)';
COMMENT ON COLUMN trade_data.timestamp IS 'Event time at the venue';
COMMENT ON COLUMN trade_data.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN trade_data.price IS 'Price in the quote currency';
COMMENT ON COLUMN trade_data.volume IS 'Quantity in the base asset';
COMMENT ON COLUMN trade_data.side IS 'The taker''s side: buy or sell';
COMMENT ON COLUMN trade_data.trade_id IS 'The venue''s sequence number within the pair''s book: a hole in it is a trade that is missing';
COMMENT ON COLUMN trade_data.received_at IS 'When the producer received it';
COMMENT ON COLUMN trade_data.inserted_at IS 'When the row was stored';

CREATE TABLE article_data (
    timestamp timestamptz NOT NULL,
    article_id text NOT NULL,
    title text NOT NULL,
    url text NOT NULL,
    website text NOT NULL,
    summary text NOT NULL,
    cryptocurrencies_mentioned text[] NOT NULL,
    sentiment_score double precision NOT NULL,
    sentiment_label text NOT NULL,
    confidence double precision NOT NULL,
    scorer text NOT NULL,
    collected_at timestamptz NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX article_data_key ON article_data (article_id, timestamp);
CREATE INDEX article_data_time ON article_data (timestamp DESC, article_id DESC);
CREATE INDEX article_data_mentions ON article_data USING gin (cryptocurrencies_mentioned);
COMMENT ON TABLE article_data IS 'News articles with their sentiment and the assets they mention';
COMMENT ON COLUMN article_data.timestamp IS 'When the newsroom published it';
COMMENT ON COLUMN article_data.article_id IS 'Identity of the article';
COMMENT ON COLUMN article_data.title IS 'Headline';
COMMENT ON COLUMN article_data.url IS 'Address of the article';
COMMENT ON COLUMN article_data.website IS 'The newsroom';
COMMENT ON COLUMN article_data.summary IS 'Summary as plain text';
COMMENT ON COLUMN article_data.cryptocurrencies_mentioned IS 'Canonical symbols, such as BTC';
COMMENT ON COLUMN article_data.sentiment_score IS 'From 0 (negative) to 1 (positive)';
COMMENT ON COLUMN article_data.sentiment_label IS 'positive above 0.6, negative below 0.4, else neutral';
COMMENT ON COLUMN article_data.confidence IS 'How much evidence the score rests on, from 0 to 1';
COMMENT ON COLUMN article_data.scorer IS 'Name and version of the scorer';
COMMENT ON COLUMN article_data.collected_at IS 'When we learned of it: what a reader of the market could have known';
COMMENT ON COLUMN article_data.inserted_at IS 'When the row was stored';

CREATE TABLE alert_data (
    timestamp timestamptz NOT NULL,
    pair text NOT NULL,
    last_price double precision NOT NULL,
    change_percent double precision NOT NULL,
    threshold double precision NOT NULL,
    alert_type text NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX alert_data_key ON alert_data (pair, timestamp, alert_type);
CREATE INDEX alert_data_time ON alert_data (timestamp DESC);
COMMENT ON TABLE alert_data IS 'Alerts: something in a market worth a look';
COMMENT ON COLUMN alert_data.timestamp IS 'Event time of the tick that raised it';
COMMENT ON COLUMN alert_data.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN alert_data.last_price IS 'Price at that moment';
COMMENT ON COLUMN alert_data.change_percent IS 'Signed change against the reference price, in percent';
COMMENT ON COLUMN alert_data.threshold IS 'The threshold that was passed, in percent';
COMMENT ON COLUMN alert_data.alert_type IS 'price_move, spread_blowout or stale_feed';
COMMENT ON COLUMN alert_data.inserted_at IS 'When the row was stored';

CREATE TABLE sentiment_data (
    timestamp timestamptz NOT NULL,
    crypto_symbol text NOT NULL,
    sentiment_score double precision NOT NULL,
    sentiment_label text NOT NULL,
    source text NOT NULL,
    confidence double precision NOT NULL,
    window_start timestamptz NOT NULL,
    article_count integer NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX sentiment_data_key ON sentiment_data (crypto_symbol, source, timestamp);
CREATE INDEX sentiment_data_time ON sentiment_data (timestamp DESC);
COMMENT ON TABLE sentiment_data IS 'Mean sentiment of the articles on an asset, one row per sliding window that held any';
COMMENT ON COLUMN sentiment_data.timestamp IS 'End of the window; may lie ahead of now while the window is open';
COMMENT ON COLUMN sentiment_data.crypto_symbol IS 'Canonical symbol, such as BTC';
COMMENT ON COLUMN sentiment_data.sentiment_score IS 'Mean score, from 0 (negative) to 1 (positive)';
COMMENT ON COLUMN sentiment_data.sentiment_label IS 'positive above 0.6, negative below 0.4, else neutral';
COMMENT ON COLUMN sentiment_data.source IS 'How the row came about: aggregated_articles';
COMMENT ON COLUMN sentiment_data.confidence IS 'Mean confidence of the articles, from 0 to 1';
COMMENT ON COLUMN sentiment_data.window_start IS 'Start of the window; windows run on the time articles were collected';
COMMENT ON COLUMN sentiment_data.article_count IS 'Articles in the window';
COMMENT ON COLUMN sentiment_data.inserted_at IS 'When the row was stored';

CREATE TABLE prediction_data (
    timestamp timestamptz NOT NULL,
    crypto_symbol text NOT NULL,
    predicted_price double precision NOT NULL,
    actual_price double precision,
    model_name text NOT NULL,
    confidence_interval_low double precision NOT NULL,
    confidence_interval_high double precision NOT NULL,
    horizon_seconds integer NOT NULL,
    target_at timestamptz NOT NULL,
    model_version text NOT NULL,
    scored_at timestamptz,
    window_start timestamptz NOT NULL,
    sample_count integer NOT NULL,
    price_stddev double precision NOT NULL,
    price_min double precision NOT NULL,
    price_max double precision NOT NULL,
    price_last double precision NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX prediction_data_key ON prediction_data (crypto_symbol, model_name, timestamp);
CREATE INDEX prediction_data_symbol_time ON prediction_data (crypto_symbol, timestamp DESC);
CREATE INDEX prediction_data_time ON prediction_data (timestamp DESC);
CREATE INDEX prediction_data_window ON prediction_data (window_start DESC);
COMMENT ON TABLE prediction_data IS 'Forecasts of an asset''s price in USD, one per model and sliding window, scored once the target has passed';
COMMENT ON COLUMN prediction_data.timestamp IS 'End of the window the forecast was made from';
COMMENT ON COLUMN prediction_data.crypto_symbol IS 'Canonical symbol, such as BTC';
COMMENT ON COLUMN prediction_data.predicted_price IS 'The forecast, in USD';
COMMENT ON COLUMN prediction_data.actual_price IS 'What the price was at the target; NULL until it is known';
COMMENT ON COLUMN prediction_data.model_name IS 'The model that made it';
COMMENT ON COLUMN prediction_data.confidence_interval_low IS 'Lower bound of the forecast';
COMMENT ON COLUMN prediction_data.confidence_interval_high IS 'Upper bound of the forecast';
COMMENT ON COLUMN prediction_data.horizon_seconds IS 'How far ahead the forecast looks';
COMMENT ON COLUMN prediction_data.target_at IS 'The moment it is a forecast of: timestamp plus the horizon';
COMMENT ON COLUMN prediction_data.model_version IS 'Version of the model';
COMMENT ON COLUMN prediction_data.scored_at IS 'When actual_price was filled in';
COMMENT ON COLUMN prediction_data.window_start IS 'Start of the window';
COMMENT ON COLUMN prediction_data.sample_count IS 'Prices in the window';
COMMENT ON COLUMN prediction_data.price_stddev IS 'Standard deviation of the prices in the window';
COMMENT ON COLUMN prediction_data.price_min IS 'Least price in the window';
COMMENT ON COLUMN prediction_data.price_max IS 'Greatest price in the window';
COMMENT ON COLUMN prediction_data.price_last IS 'Last price in the window: the forecast to beat';
COMMENT ON COLUMN prediction_data.inserted_at IS 'When the row was stored';

GRANT SELECT, INSERT, UPDATE ON ticker_data, trade_data, article_data, alert_data, sentiment_data, prediction_data
    TO cryptoviz_writer;
