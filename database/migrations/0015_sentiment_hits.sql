-- Which words decided an article's sentiment. Articles stored before have none. Blocks for a moment: no row is rewritten.
ALTER TABLE article_data ADD COLUMN sentiment_hits text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN article_data.sentiment_hits IS 'The words that decided the score, the weightiest first';
