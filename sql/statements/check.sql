-- statement: check_blocks
-- segment
-- Every block that was handed over, to be unpacked.
SELECT block.number, first_id, last_id, count, min_ts, max_ts, severities, data
FROM block LEFT JOIN block_data ON block_data.number = block.number
WHERE block.number <= :last ORDER BY block.number;

-- statement: check_block_sums
-- segment
SELECT count(*), coalesce(sum(count), 0) FROM block WHERE number <= :last;

-- statement: check_chunks
-- segment
-- Every chunk that was handed over, to be unpacked.
SELECT series_id, start, end, count, data FROM chunk WHERE number <= :last ORDER BY series_id, start, number;

-- statement: check_chunk_sums
-- segment
SELECT count(*), coalesce(sum(count), 0) FROM chunk WHERE number <= :last;

-- statement: check_words
-- segment
-- Which words the index has for which block. The table is made for the check alone (temp.check_word).
SELECT term, doc FROM check_word;

-- statement: segment_quarantine
-- storage
-- A damaged file is set aside: nobody reads it any more.
UPDATE segment SET state = 'quarantined', changed = :now WHERE id = :id AND file = :file;
