-- After a week ticks and trades are kept by column: a fraction of the bytes. A late trade may still be added to them.
ALTER TABLE ticker_data SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'pair', timescaledb.compress_orderby = 'timestamp DESC, received_at DESC'
);
SELECT add_compression_policy('ticker_data', INTERVAL '7 days');
ALTER TABLE trade_data SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'pair', timescaledb.compress_orderby = 'timestamp DESC, trade_id DESC'
);
SELECT add_compression_policy('trade_data', INTERVAL '7 days');
