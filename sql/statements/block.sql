-- statement: block_insert
-- segment
INSERT INTO block (number, first_id, last_id, count, min_ts, max_ts, severities, types, sources)
VALUES (:number, :first_id, :last_id, :count, :min_ts, :max_ts, :severities, :types, :sources);

-- statement: block_data_insert
-- segment
INSERT INTO block_data (number, data) VALUES (:number, :data);

-- statement: block_forget
-- segment
-- Blocks that were written, and never handed over. Their words stay in the index, which has no means to forget; they
-- make a block be looked at in vain.
DELETE FROM block WHERE number > :last;

-- statement: block_data_forget
-- segment
DELETE FROM block_data WHERE number > :last;

-- statement: block_data_get
-- segment
SELECT data FROM block_data WHERE number = :number;

-- statement: word_insert
-- segment
INSERT INTO word (rowid, text) VALUES (:number, :text);

-- statement: blocks_ascending
-- segment
-- Numbers rise with ids, so that the first and the last block come from the index of ids.
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources FROM block
WHERE number >= (SELECT number FROM block INDEXED BY block_id WHERE last_id > :after ORDER BY last_id LIMIT 1)
  AND number <= coalesce((SELECT number FROM block INDEXED BY block_id WHERE last_id >= :before - 1
                          ORDER BY last_id LIMIT 1), :last)
  AND first_id < :before AND number <= :last
ORDER BY number;

-- statement: blocks_descending
-- segment
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources FROM block
WHERE number >= (SELECT number FROM block INDEXED BY block_id WHERE last_id > :after ORDER BY last_id LIMIT 1)
  AND number <= coalesce((SELECT number FROM block INDEXED BY block_id WHERE last_id >= :before - 1
                          ORDER BY last_id LIMIT 1), :last)
  AND first_id < :before AND number <= :last
ORDER BY number DESC;

-- statement: blocks_of_words_ascending
-- segment
-- Only blocks in which the words of :match occur.
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources FROM block
WHERE number IN (SELECT rowid FROM word WHERE word MATCH :match) AND number >= (SELECT number FROM block INDEXED BY block_id WHERE last_id > :after ORDER BY last_id LIMIT 1)
  AND number <= coalesce((SELECT number FROM block INDEXED BY block_id WHERE last_id >= :before - 1
                          ORDER BY last_id LIMIT 1), :last)
  AND first_id < :before AND number <= :last
ORDER BY number;

-- statement: blocks_of_words_descending
-- segment
SELECT number, first_id, last_id, min_ts, max_ts, severities, types, sources FROM block
WHERE number IN (SELECT rowid FROM word WHERE word MATCH :match) AND number >= (SELECT number FROM block INDEXED BY block_id WHERE last_id > :after ORDER BY last_id LIMIT 1)
  AND number <= coalesce((SELECT number FROM block INDEXED BY block_id WHERE last_id >= :before - 1
                          ORDER BY last_id LIMIT 1), :last)
  AND first_id < :before AND number <= :last
ORDER BY number DESC;

-- statement: word_merge
-- segment
-- Merges the index a bit: about so many pages (negative: begins to bring all of it into one).
INSERT INTO word (word, rank) VALUES ('merge', :pages);

-- statement: segment_copy
-- segment
-- Writes all of the file anew, without gaps.
VACUUM INTO :file;
