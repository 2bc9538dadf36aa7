-- Not every row of the ledger stands for a batch.
COMMENT ON COLUMN cryptoviz.batch_ledger.batch_id IS
    'Number of the batch on that checkpoint; -1: records that retention took unstored, -2: what make accept stored';
