-- After two weeks polled markets and their candles are kept by column too. A late one may still be added to them.
ALTER TABLE market_data SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'pair, source', timescaledb.compress_orderby = 'timestamp DESC'
);
SELECT add_compression_policy('market_data', INTERVAL '14 days');
ALTER TABLE ohlcv_data SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'pair, source, interval', timescaledb.compress_orderby = 'timestamp DESC'
);
SELECT add_compression_policy('ohlcv_data', INTERVAL '14 days');
