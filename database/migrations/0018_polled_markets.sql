-- Markets as polled sources tell them (Binance, CoinGecko), and the candles that one of them makes.
CREATE TABLE market_data (
    timestamp timestamptz NOT NULL,
    pair text NOT NULL,
    source text NOT NULL,
    price double precision NOT NULL,
    change_24h double precision,
    change_percent_24h double precision,
    high_24h double precision,
    low_24h double precision,
    volume_24h double precision,
    quote_volume_24h double precision,
    weighted_average_24h double precision,
    market_cap double precision,
    bid double precision,
    ask double precision,
    spread double precision,
    spread_percent double precision,
    recent_trades bigint,
    mean_trade_price double precision,
    taker_buy_volume double precision,
    received_at timestamptz NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX market_data_key ON market_data (pair, source, timestamp);
CREATE INDEX market_data_time ON market_data (timestamp DESC);
COMMENT ON TABLE market_data IS 'States of each pair''s market at the polled sources, each once; NULL: the source does not tell';
COMMENT ON COLUMN market_data.timestamp IS 'The source''s own time of it';
COMMENT ON COLUMN market_data.pair IS 'Canonical pair, such as BTC/USDT';
COMMENT ON COLUMN market_data.source IS 'binance or coingecko';
COMMENT ON COLUMN market_data.price IS 'Price of the last trade (binance) or mean of the markets (coingecko), in the quote currency';
COMMENT ON COLUMN market_data.change_24h IS 'Change of the price over 24 hours, in the quote currency';
COMMENT ON COLUMN market_data.change_percent_24h IS 'The same in percent';
COMMENT ON COLUMN market_data.high_24h IS 'Highest price of 24 hours';
COMMENT ON COLUMN market_data.low_24h IS 'Lowest price of 24 hours';
COMMENT ON COLUMN market_data.volume_24h IS 'Traded in 24 hours, in the base asset; not to be summed';
COMMENT ON COLUMN market_data.quote_volume_24h IS 'Traded in 24 hours, in the quote currency; not to be summed';
COMMENT ON COLUMN market_data.weighted_average_24h IS 'Mean price of 24 hours, weighted by volume';
COMMENT ON COLUMN market_data.market_cap IS 'Price times the coins in circulation, in the quote currency';
COMMENT ON COLUMN market_data.bid IS 'Best bid';
COMMENT ON COLUMN market_data.ask IS 'Best ask';
COMMENT ON COLUMN market_data.spread IS 'Best ask less best bid, in the quote currency';
COMMENT ON COLUMN market_data.spread_percent IS 'The same in percent of the middle between them';
COMMENT ON COLUMN market_data.recent_trades IS 'How many of the newest trades the next two figures are of';
COMMENT ON COLUMN market_data.mean_trade_price IS 'Mean price of these trades, each counted once';
COMMENT ON COLUMN market_data.taker_buy_volume IS 'What takers bought in these trades, in the base asset';
COMMENT ON COLUMN market_data.received_at IS 'When the producer received it';
COMMENT ON COLUMN market_data.inserted_at IS 'When the row was stored';

CREATE TABLE ohlcv_data (
    timestamp timestamptz NOT NULL,
    pair text NOT NULL,
    source text NOT NULL,
    interval text NOT NULL,
    open double precision NOT NULL,
    high double precision NOT NULL,
    low double precision NOT NULL,
    close double precision NOT NULL,
    volume double precision NOT NULL,
    quote_volume double precision NOT NULL,
    trade_count bigint NOT NULL,
    taker_buy_volume double precision NOT NULL,
    taker_buy_quote_volume double precision NOT NULL,
    received_at timestamptz NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ohlcv_data_key ON ohlcv_data (pair, source, interval, timestamp);
CREATE INDEX ohlcv_data_time ON ohlcv_data (timestamp DESC);
COMMENT ON TABLE ohlcv_data IS 'Candles as a venue made them, each once and only when it was closed (those from our own trades are candles_1m and so on)';
COMMENT ON COLUMN ohlcv_data.timestamp IS 'Start of the candle';
COMMENT ON COLUMN ohlcv_data.pair IS 'Canonical pair, such as BTC/USDT';
COMMENT ON COLUMN ohlcv_data.source IS 'The venue: binance';
COMMENT ON COLUMN ohlcv_data.interval IS 'Length of the candle: 1m, 5m, 15m, 1h, 4h or 1d';
COMMENT ON COLUMN ohlcv_data.open IS 'Price of its first trade';
COMMENT ON COLUMN ohlcv_data.high IS 'Highest price';
COMMENT ON COLUMN ohlcv_data.low IS 'Lowest price';
COMMENT ON COLUMN ohlcv_data.close IS 'Price of its last trade';
COMMENT ON COLUMN ohlcv_data.volume IS 'Traded, in the base asset';
COMMENT ON COLUMN ohlcv_data.quote_volume IS 'Traded, in the quote currency';
COMMENT ON COLUMN ohlcv_data.trade_count IS 'Trades';
COMMENT ON COLUMN ohlcv_data.taker_buy_volume IS 'What takers bought, in the base asset; the rest of the volume they sold';
COMMENT ON COLUMN ohlcv_data.taker_buy_quote_volume IS 'The same in the quote currency';
COMMENT ON COLUMN ohlcv_data.received_at IS 'When the producer received it';
COMMENT ON COLUMN ohlcv_data.inserted_at IS 'When the row was stored';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable(
            'market_data', by_range('timestamp', INTERVAL '7 days'), create_default_indexes => false
        );
        PERFORM create_hypertable(
            'ohlcv_data', by_range('timestamp', INTERVAL '7 days'), create_default_indexes => false
        );
    END IF;
END
$$;

CREATE VIEW v_latest_markets AS
WITH RECURSIVE markets (pair, source) AS (
    (SELECT pair, source FROM market_data ORDER BY pair, source LIMIT 1)
    UNION ALL
    SELECT following.pair, following.source
    FROM markets
    CROSS JOIN LATERAL (
        SELECT market.pair, market.source
        FROM market_data market
        WHERE (market.pair, market.source) > (markets.pair, markets.source)
        ORDER BY market.pair, market.source
        LIMIT 1
    ) following
)
SELECT newest.*
FROM markets
CROSS JOIN LATERAL (
    SELECT
        timestamp, pair, source, price, change_24h, change_percent_24h, high_24h, low_24h, volume_24h, quote_volume_24h,
        weighted_average_24h, market_cap, bid, ask, spread, spread_percent, recent_trades, mean_trade_price,
        taker_buy_volume, received_at
    FROM market_data market
    WHERE market.pair = markets.pair AND market.source = markets.source
    ORDER BY timestamp DESC
    LIMIT 1
) newest;
COMMENT ON VIEW v_latest_markets IS 'The newest state of each pair''s market at each polled source';
COMMENT ON COLUMN v_latest_markets.timestamp IS 'The source''s own time of it';
COMMENT ON COLUMN v_latest_markets.pair IS 'Canonical pair, such as BTC/USDT';
COMMENT ON COLUMN v_latest_markets.source IS 'binance or coingecko';
COMMENT ON COLUMN v_latest_markets.price IS 'Price of the last trade (binance) or mean of the markets (coingecko), in the quote currency';
COMMENT ON COLUMN v_latest_markets.change_24h IS 'Change of the price over 24 hours, in the quote currency';
COMMENT ON COLUMN v_latest_markets.change_percent_24h IS 'The same in percent';
COMMENT ON COLUMN v_latest_markets.high_24h IS 'Highest price of 24 hours';
COMMENT ON COLUMN v_latest_markets.low_24h IS 'Lowest price of 24 hours';
COMMENT ON COLUMN v_latest_markets.volume_24h IS 'Traded in 24 hours, in the base asset; not to be summed';
COMMENT ON COLUMN v_latest_markets.quote_volume_24h IS 'Traded in 24 hours, in the quote currency; not to be summed';
COMMENT ON COLUMN v_latest_markets.weighted_average_24h IS 'Mean price of 24 hours, weighted by volume';
COMMENT ON COLUMN v_latest_markets.market_cap IS 'Price times the coins in circulation, in the quote currency';
COMMENT ON COLUMN v_latest_markets.bid IS 'Best bid';
COMMENT ON COLUMN v_latest_markets.ask IS 'Best ask';
COMMENT ON COLUMN v_latest_markets.spread IS 'Best ask less best bid, in the quote currency';
COMMENT ON COLUMN v_latest_markets.spread_percent IS 'The same in percent of the middle between them';
COMMENT ON COLUMN v_latest_markets.recent_trades IS 'How many of the newest trades the next two figures are of';
COMMENT ON COLUMN v_latest_markets.mean_trade_price IS 'Mean price of these trades, each counted once';
COMMENT ON COLUMN v_latest_markets.taker_buy_volume IS 'What takers bought in these trades, in the base asset';
COMMENT ON COLUMN v_latest_markets.received_at IS 'When the producer received it';

CREATE VIEW v_venue_prices AS
SELECT
    split_part(market.pair, '/', 1) AS crypto_symbol,
    market.pair,
    market.source,
    market.timestamp,
    market.price,
    kraken.last AS kraken_price,
    kraken.timestamp AS kraken_timestamp,
    (market.price - kraken.last) / kraken.last * 100 AS difference_percent
FROM v_latest_markets market
LEFT JOIN latest_tick kraken ON kraken.pair = split_part(market.pair, '/', 1) || '/USD'
WHERE split_part(market.pair, '/', 2) IN ('USD', 'USDT', 'USDC');
COMMENT ON VIEW v_venue_prices IS 'The newest price of each asset in dollars at each polled source, beside Kraken''s';
COMMENT ON COLUMN v_venue_prices.crypto_symbol IS 'Canonical symbol, such as BTC';
COMMENT ON COLUMN v_venue_prices.pair IS 'The pair at the source; dollar coins count as dollars';
COMMENT ON COLUMN v_venue_prices.source IS 'binance or coingecko';
COMMENT ON COLUMN v_venue_prices.timestamp IS 'The source''s own time of its price';
COMMENT ON COLUMN v_venue_prices.price IS 'Its price';
COMMENT ON COLUMN v_venue_prices.kraken_price IS 'The last price of the asset in USD at Kraken; NULL if that is not followed';
COMMENT ON COLUMN v_venue_prices.kraken_timestamp IS 'Event time of that';
COMMENT ON COLUMN v_venue_prices.difference_percent IS 'How far the source''s price lies above Kraken''s, in percent';

CREATE OR REPLACE VIEW v_freshness AS
SELECT 'ticker_data' AS table_name, max(timestamp) AS newest_at FROM v_latest_prices
UNION ALL SELECT 'trade_data', max(timestamp) FROM v_latest_trades
UNION ALL SELECT 'article_data', max(timestamp) FROM article_data
UNION ALL SELECT 'alert_data', max(timestamp) FROM alert_data
UNION ALL SELECT 'sentiment_data', max(timestamp) FROM sentiment_data
UNION ALL SELECT 'prediction_data', max(timestamp) FROM prediction_data
UNION ALL SELECT 'market_data', max(timestamp) FROM market_data
UNION ALL SELECT 'ohlcv_data', max(timestamp) FROM ohlcv_data;
COMMENT ON VIEW v_freshness IS 'Event time of the newest row of each table; NULL while it is empty';

GRANT SELECT, INSERT, UPDATE ON market_data, ohlcv_data TO cryptoviz_writer;
