-- Plain PostgreSQL keeps no candles: a refilled gap is in them as soon as they are read.
SELECT;
