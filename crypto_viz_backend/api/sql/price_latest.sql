-- The newest ticker of each pair, in the order of the pairs.
SELECT timestamp, pair, last, bid, ask, volume_24h, received_at, timestamp AS source_time
FROM unnest(%(pairs)s::text[]) WITH ORDINALITY AS requested (pair, ordinal)
JOIN latest_tick USING (pair)
ORDER BY ordinal
