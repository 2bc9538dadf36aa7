-- An article whose headline is edited is one article in another version, and several articles may tell one story. What
-- was stored before are first versions of stories of their own.
ALTER TABLE article_data ADD COLUMN revision integer NOT NULL DEFAULT 1;
ALTER TABLE article_data ADD COLUMN story_id text;
UPDATE article_data SET story_id = article_id;
ALTER TABLE article_data ALTER COLUMN story_id SET NOT NULL;
CREATE INDEX article_data_story ON article_data (story_id, timestamp DESC);
COMMENT ON TABLE article_data IS 'News articles in their newest version, with their sentiment and the assets they mention';
COMMENT ON COLUMN article_data.collected_at IS 'When we learned of this version: what a reader of the market could have known';
COMMENT ON COLUMN article_data.timestamp IS 'When the newsroom published its first version';
COMMENT ON COLUMN article_data.revision IS 'The version: 1, and one more for each headline it was given later';
COMMENT ON COLUMN article_data.story_id IS 'The article that first told the same story, in whichever newsroom: its own id if none did';
