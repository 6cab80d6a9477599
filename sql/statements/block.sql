-- statement: block_insert
-- segment
INSERT INTO block (number, first_id, last_id, count, min_ts, max_ts, severities, types, sources, data)
VALUES (:number, :first_id, :last_id, :count, :min_ts, :max_ts, :severities, :types, :sources, :data);

-- statement: block_forget
-- segment
-- Blocks that were written, and never handed over.
DELETE FROM block WHERE number > :last;

-- statement: word_insert
-- segment
INSERT INTO word (rowid, text) VALUES (:number, :text);

-- statement: blocks_ascending
-- segment
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources, data FROM block
WHERE last_id > :after AND first_id < :before AND number <= :last
ORDER BY number;

-- statement: blocks_descending
-- segment
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources, data FROM block
WHERE last_id > :after AND first_id < :before AND number <= :last
ORDER BY number DESC;

-- statement: blocks_of_words_ascending
-- segment
-- Only blocks in which the words of :match occur.
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources, data FROM block
WHERE number IN (SELECT rowid FROM word WHERE word MATCH :match)
  AND last_id > :after AND first_id < :before AND number <= :last
ORDER BY number;

-- statement: blocks_of_words_descending
-- segment
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources, data FROM block
WHERE number IN (SELECT rowid FROM word WHERE word MATCH :match)
  AND last_id > :after AND first_id < :before AND number <= :last
ORDER BY number DESC;

-- statement: word_merge
-- segment
-- Merges the index a bit: about so many pages (negative: also what is in no need of it yet).
INSERT INTO word (word, rank) VALUES ('merge', :pages);
