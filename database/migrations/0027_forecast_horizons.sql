-- One model may forecast at several horizons: the horizon becomes part of a forecast's key. Rows that were unique remain so.
-- Blocks writes to prediction_data while the index is built (seconds for some millions of rows).
DROP INDEX prediction_data_key;
CREATE UNIQUE INDEX prediction_data_key ON prediction_data (crypto_symbol, model_name, horizon_seconds, timestamp);
COMMENT ON TABLE prediction_data IS
    'Forecasts of an asset''s price in USD, one per model, horizon and sliding window, scored once the target has passed';
COMMENT ON COLUMN prediction_data.actual_price IS
    'Last price of the window that ends at the target; NULL until that is known';
COMMENT ON COLUMN prediction_data.horizon_seconds IS 'How far ahead the forecast looks; part of the key';
