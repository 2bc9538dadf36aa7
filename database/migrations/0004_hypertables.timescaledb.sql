-- One chunk a day for what comes by the second, one a week for the rest. The tables bring their own indexes.
SELECT create_hypertable('ticker_data', by_range('timestamp', INTERVAL '1 day'), create_default_indexes => false);
SELECT create_hypertable('trade_data', by_range('timestamp', INTERVAL '1 day'), create_default_indexes => false);
SELECT create_hypertable('article_data', by_range('timestamp', INTERVAL '7 days'), create_default_indexes => false);
SELECT create_hypertable('alert_data', by_range('timestamp', INTERVAL '7 days'), create_default_indexes => false);
SELECT create_hypertable('sentiment_data', by_range('timestamp', INTERVAL '7 days'), create_default_indexes => false);
SELECT create_hypertable('prediction_data', by_range('timestamp', INTERVAL '7 days'), create_default_indexes => false);
