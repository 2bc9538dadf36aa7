-- The newest tick of each pair as one row, so that the latest price costs the same however many ticks there are.
CREATE TABLE latest_tick (
    pair text PRIMARY KEY,
    timestamp timestamptz NOT NULL,
    last double precision NOT NULL,
    bid double precision NOT NULL,
    ask double precision NOT NULL,
    volume_24h double precision NOT NULL,
    received_at timestamptz NOT NULL
) WITH (fillfactor = 20); -- each row changes with every batch: room for its next versions on its own page
COMMENT ON TABLE latest_tick IS 'The newest row of ticker_data for each pair, by (timestamp, received_at); written with it';
COMMENT ON COLUMN latest_tick.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN latest_tick.timestamp IS 'Event time at the venue';
COMMENT ON COLUMN latest_tick.last IS 'Price of the last trade, in the quote currency';
COMMENT ON COLUMN latest_tick.bid IS 'Best bid';
COMMENT ON COLUMN latest_tick.ask IS 'Best ask';
COMMENT ON COLUMN latest_tick.volume_24h IS 'Rolling 24-hour volume in the base asset; not to be summed';
COMMENT ON COLUMN latest_tick.received_at IS 'When the producer received it';

INSERT INTO latest_tick (pair, timestamp, last, bid, ask, volume_24h, received_at)
SELECT pair, timestamp, last, bid, ask, volume_24h, received_at FROM v_latest_prices;

CREATE OR REPLACE VIEW v_latest_prices AS
SELECT pair, timestamp, last, bid, ask, volume_24h, received_at FROM latest_tick;
COMMENT ON VIEW v_latest_prices IS 'The newest ticker of each pair';

GRANT SELECT, INSERT, UPDATE ON latest_tick TO cryptoviz_writer;
