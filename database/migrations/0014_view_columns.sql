-- What each column of each view holds, for whoever looks in the catalogue (and for doc/10-data-dictionary.md).

COMMENT ON COLUMN v_latest_prices.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN v_latest_prices.timestamp IS 'Event time at the venue';
COMMENT ON COLUMN v_latest_prices.last IS 'Price of the last trade, in the quote currency';
COMMENT ON COLUMN v_latest_prices.bid IS 'Best bid';
COMMENT ON COLUMN v_latest_prices.ask IS 'Best ask';
COMMENT ON COLUMN v_latest_prices.volume_24h IS 'Rolling 24-hour volume in the base asset; not to be summed';
COMMENT ON COLUMN v_latest_prices.received_at IS 'When the producer received it';

COMMENT ON COLUMN v_latest_trades.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN v_latest_trades.timestamp IS 'Event time at the venue';
COMMENT ON COLUMN v_latest_trades.price IS 'Price in the quote currency';
COMMENT ON COLUMN v_latest_trades.volume IS 'Quantity in the base asset';
COMMENT ON COLUMN v_latest_trades.side IS 'The taker''s side: buy or sell';
COMMENT ON COLUMN v_latest_trades.trade_id IS 'The venue''s sequence number within the pair''s book';
COMMENT ON COLUMN v_latest_trades.received_at IS 'When the producer received it';

COMMENT ON COLUMN v_freshness.table_name IS 'The table';
COMMENT ON COLUMN v_freshness.newest_at IS 'Event time of its newest row; NULL while it is empty';

COMMENT ON COLUMN v_forecast_scorecard.crypto_symbol IS 'Canonical symbol, such as BTC';
COMMENT ON COLUMN v_forecast_scorecard.model_name IS 'The model';
COMMENT ON COLUMN v_forecast_scorecard.model_version IS 'Version of the model';
COMMENT ON COLUMN v_forecast_scorecard.horizon_seconds IS 'How far ahead its forecasts look';
COMMENT ON COLUMN v_forecast_scorecard.forecasts IS 'How many it made';
COMMENT ON COLUMN v_forecast_scorecard.scored IS 'How many of them have met their outcome';
COMMENT ON COLUMN v_forecast_scorecard.mean_absolute_error IS 'Mean distance of forecast and outcome, in USD';
COMMENT ON COLUMN v_forecast_scorecard.last_price_absolute_error IS 'The same had it said that the last price stays: the error to beat';
COMMENT ON COLUMN v_forecast_scorecard.bias IS 'Mean of forecast less outcome, in USD: above 0 it forecasts too high';
COMMENT ON COLUMN v_forecast_scorecard.interval_coverage IS 'Share of outcomes within the forecast''s interval, from 0 to 1';

COMMENT ON COLUMN v_data_quality.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN v_data_quality.trades IS 'Trades stored of the last day';
COMMENT ON COLUMN v_data_quality.missing_trades IS 'Numbers in the venue''s sequence between the first and the last of them that are not there';
COMMENT ON COLUMN v_data_quality.newest_at IS 'Event time of the newest';
COMMENT ON COLUMN v_data_quality.lateness_p50_seconds IS 'From event to receipt: half of the trades took no longer';
COMMENT ON COLUMN v_data_quality.lateness_p99_seconds IS 'From event to receipt: 99 in 100 took no longer';
COMMENT ON COLUMN v_data_quality.storing_p99_seconds IS 'From receipt to the transaction that stored it: 99 in 100 took no longer';

COMMENT ON COLUMN v_price_sentiment_1h.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN v_price_sentiment_1h.timestamp IS 'Start of the hour';
COMMENT ON COLUMN v_price_sentiment_1h.open IS 'Price of its first trade';
COMMENT ON COLUMN v_price_sentiment_1h.close IS 'Price of its last trade';
COMMENT ON COLUMN v_price_sentiment_1h.volume IS 'Traded in the hour, in the base asset';
COMMENT ON COLUMN v_price_sentiment_1h.sentiment_at IS 'End of the window the sentiment is of: never after the hour began';
COMMENT ON COLUMN v_price_sentiment_1h.sentiment_score IS 'Mean score of the articles in that window, from 0 (negative) to 1 (positive); NULL if none was known';
COMMENT ON COLUMN v_price_sentiment_1h.article_count IS 'Articles in that window';

COMMENT ON COLUMN v_gaps.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN v_gaps.from_time IS 'Event time of the last trade before the hole';
COMMENT ON COLUMN v_gaps.to_time IS 'Event time of the first trade after the hole';
COMMENT ON COLUMN v_gaps.from_id IS 'The first trade that was missing';
COMMENT ON COLUMN v_gaps.to_id IS 'The last trade that was missing';
COMMENT ON COLUMN v_gaps.trades IS 'How many were missing';
COMMENT ON COLUMN v_gaps.recovered IS 'How many of them came after all';
COMMENT ON COLUMN v_gaps.missing_left IS 'How many are missing still';
COMMENT ON COLUMN v_gaps.cause IS 'reconnect (lost with a connection), restart (with a process) or jump (within the stream)';
COMMENT ON COLUMN v_gaps.detected_at IS 'When the hole was found';
COMMENT ON COLUMN v_gaps.closed_at IS 'When the last missing trade came; NULL while any is missing';
COMMENT ON COLUMN v_gaps.open_seconds IS 'How long that took; NULL while any is missing';

COMMENT ON COLUMN candles_1m.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN candles_1m.timestamp IS 'Start of the candle';
COMMENT ON COLUMN candles_1m.open IS 'Price of the first trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_1m.high IS 'Highest price';
COMMENT ON COLUMN candles_1m.low IS 'Lowest price';
COMMENT ON COLUMN candles_1m.close IS 'Price of the last trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_1m.volume IS 'Traded, in the base asset';
COMMENT ON COLUMN candles_1m.trade_count IS 'Trades';

COMMENT ON COLUMN candles_5m.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN candles_5m.timestamp IS 'Start of the candle';
COMMENT ON COLUMN candles_5m.open IS 'Price of the first trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_5m.high IS 'Highest price';
COMMENT ON COLUMN candles_5m.low IS 'Lowest price';
COMMENT ON COLUMN candles_5m.close IS 'Price of the last trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_5m.volume IS 'Traded, in the base asset';
COMMENT ON COLUMN candles_5m.trade_count IS 'Trades';

COMMENT ON COLUMN candles_15m.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN candles_15m.timestamp IS 'Start of the candle';
COMMENT ON COLUMN candles_15m.open IS 'Price of the first trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_15m.high IS 'Highest price';
COMMENT ON COLUMN candles_15m.low IS 'Lowest price';
COMMENT ON COLUMN candles_15m.close IS 'Price of the last trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_15m.volume IS 'Traded, in the base asset';
COMMENT ON COLUMN candles_15m.trade_count IS 'Trades';

COMMENT ON COLUMN candles_1h.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN candles_1h.timestamp IS 'Start of the candle';
COMMENT ON COLUMN candles_1h.open IS 'Price of the first trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_1h.high IS 'Highest price';
COMMENT ON COLUMN candles_1h.low IS 'Lowest price';
COMMENT ON COLUMN candles_1h.close IS 'Price of the last trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_1h.volume IS 'Traded, in the base asset';
COMMENT ON COLUMN candles_1h.trade_count IS 'Trades';

COMMENT ON COLUMN candles_4h.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN candles_4h.timestamp IS 'Start of the candle';
COMMENT ON COLUMN candles_4h.open IS 'Price of the first trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_4h.high IS 'Highest price';
COMMENT ON COLUMN candles_4h.low IS 'Lowest price';
COMMENT ON COLUMN candles_4h.close IS 'Price of the last trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_4h.volume IS 'Traded, in the base asset';
COMMENT ON COLUMN candles_4h.trade_count IS 'Trades';

COMMENT ON COLUMN candles_1d.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN candles_1d.timestamp IS 'Start of the candle';
COMMENT ON COLUMN candles_1d.open IS 'Price of the first trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_1d.high IS 'Highest price';
COMMENT ON COLUMN candles_1d.low IS 'Lowest price';
COMMENT ON COLUMN candles_1d.close IS 'Price of the last trade, by (timestamp, trade_id)';
COMMENT ON COLUMN candles_1d.volume IS 'Traded, in the base asset';
COMMENT ON COLUMN candles_1d.trade_count IS 'Trades';

COMMENT ON COLUMN cryptoviz.schema_migration.number IS 'The migration''s number';
COMMENT ON COLUMN cryptoviz.schema_migration.name IS 'Its file';
COMMENT ON COLUMN cryptoviz.schema_migration.checksum IS 'SHA-256 of the file; NULL: applied by psql, the next migrator fills it in';
COMMENT ON COLUMN cryptoviz.schema_migration.applied_at IS 'When it was applied';
