-- What a job locks while it stores a partition's records. To lock a row one must be allowed to change it: a reader cannot.
CREATE TABLE cryptoviz.partition_lock (
    query text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    PRIMARY KEY (query, topic, partition)
);
COMMENT ON TABLE cryptoviz.partition_lock IS
    'A row per Kafka partition that a streaming query stores: locked by the transaction that does, so that two processes take turns';
COMMENT ON COLUMN cryptoviz.partition_lock.query IS 'The streaming query';
COMMENT ON COLUMN cryptoviz.partition_lock.topic IS 'Kafka topic';
COMMENT ON COLUMN cryptoviz.partition_lock.partition IS 'Kafka partition';

GRANT SELECT, INSERT, UPDATE ON cryptoviz.partition_lock TO cryptoviz_writer;
