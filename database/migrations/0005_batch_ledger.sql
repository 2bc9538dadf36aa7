-- Which Kafka offsets are in the tables: written in the transaction that stores their rows, so both are there or neither.
CREATE TABLE cryptoviz.batch_ledger (
    query text NOT NULL,
    cluster_id text NOT NULL,
    checkpoint_id text NOT NULL,
    batch_id bigint NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    from_offset bigint NOT NULL,
    next_offset bigint NOT NULL,
    rows bigint NOT NULL,
    rejected bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (query, checkpoint_id, batch_id, topic, partition)
);
CREATE INDEX batch_ledger_next ON cryptoviz.batch_ledger (query, cluster_id, topic, partition, next_offset DESC);
COMMENT ON TABLE cryptoviz.batch_ledger IS 'One row per committed batch and Kafka partition; the newest says where a job goes on';
COMMENT ON COLUMN cryptoviz.batch_ledger.query IS 'The streaming query';
COMMENT ON COLUMN cryptoviz.batch_ledger.cluster_id IS 'Identity of the Kafka cluster the offsets belong to';
COMMENT ON COLUMN cryptoviz.batch_ledger.checkpoint_id IS 'Identity of the checkpoint the batch ran on';
COMMENT ON COLUMN cryptoviz.batch_ledger.batch_id IS 'Number of the batch on that checkpoint';
COMMENT ON COLUMN cryptoviz.batch_ledger.topic IS 'Kafka topic';
COMMENT ON COLUMN cryptoviz.batch_ledger.partition IS 'Kafka partition';
COMMENT ON COLUMN cryptoviz.batch_ledger.from_offset IS 'First offset of the batch';
COMMENT ON COLUMN cryptoviz.batch_ledger.next_offset IS 'The offset after its last one';
COMMENT ON COLUMN cryptoviz.batch_ledger.rows IS 'Records that became rows';
COMMENT ON COLUMN cryptoviz.batch_ledger.rejected IS 'Records that went to the dead letters';
COMMENT ON COLUMN cryptoviz.batch_ledger.committed_at IS 'When the transaction began';

GRANT SELECT, INSERT, UPDATE, DELETE ON cryptoviz.batch_ledger TO cryptoviz_writer;
