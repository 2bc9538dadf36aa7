-- Which trades did not come, for how long, and which of them never will: a row for every hole in a book's numbers.
CREATE TABLE gap_data (
    timestamp timestamptz NOT NULL,
    pair text NOT NULL,
    from_id bigint NOT NULL,
    to_id bigint NOT NULL,
    to_time timestamptz NOT NULL,
    cause text NOT NULL,
    missing_left bigint NOT NULL,
    detected_at timestamptz NOT NULL,
    reported_at timestamptz NOT NULL,
    closed_at timestamptz,
    source text NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX gap_data_key ON gap_data (pair, from_id, timestamp);
CREATE INDEX gap_data_pair_time ON gap_data (pair, to_time DESC);
CREATE INDEX gap_data_time ON gap_data (timestamp DESC);
COMMENT ON TABLE gap_data IS 'Trades that did not come by themselves, a row for each hole in a pair''s numbers, with what became of it';
COMMENT ON COLUMN gap_data.timestamp IS 'Event time of the last trade before the hole';
COMMENT ON COLUMN gap_data.pair IS 'Canonical pair, such as BTC/USD';
COMMENT ON COLUMN gap_data.from_id IS 'The first trade that was missing';
COMMENT ON COLUMN gap_data.to_id IS 'The last trade that was missing';
COMMENT ON COLUMN gap_data.to_time IS 'Event time of the first trade after the hole';
COMMENT ON COLUMN gap_data.cause IS 'reconnect (lost with a connection), restart (with a process) or jump (within the stream)';
COMMENT ON COLUMN gap_data.missing_left IS 'How many of its trades are missing still';
COMMENT ON COLUMN gap_data.detected_at IS 'When the hole was found';
COMMENT ON COLUMN gap_data.reported_at IS 'When this was so; a later report replaces an earlier one';
COMMENT ON COLUMN gap_data.closed_at IS 'When the last missing trade came; NULL while any is missing';
COMMENT ON COLUMN gap_data.source IS 'The venue';
COMMENT ON COLUMN gap_data.inserted_at IS 'When the row was first stored';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable(
            'gap_data', by_range('timestamp', INTERVAL '7 days'), create_default_indexes => false
        );
    END IF;
END
$$;

CREATE VIEW v_gaps AS
SELECT
    pair,
    timestamp AS from_time,
    to_time,
    from_id,
    to_id,
    to_id - from_id + 1 AS trades,
    to_id - from_id + 1 - missing_left AS recovered,
    missing_left,
    cause,
    detected_at,
    closed_at,
    extract(epoch FROM closed_at - detected_at) AS open_seconds
FROM gap_data;
COMMENT ON VIEW v_gaps IS
    'Every hole in a pair''s trades: how many were missing, how many came after all, how long that took (NULL: still open)';

GRANT SELECT, INSERT, UPDATE ON gap_data TO cryptoviz_writer;
