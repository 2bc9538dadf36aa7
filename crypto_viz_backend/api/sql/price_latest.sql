-- The newest ticker of each of these pairs, in their order.
SELECT timestamp, pair, last, bid, ask, volume_24h, received_at, timestamp AS source_time
FROM unnest(%(pairs)s::text[]) WITH ORDINALITY AS asked (pair, place)
JOIN latest_tick USING (pair)
ORDER BY place
