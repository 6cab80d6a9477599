-- statement: chunk_insert
-- segment
INSERT INTO chunk (series_id, start, number, end, count, data)
VALUES (:series_id, :start, :number, :end, :count, :data);

-- statement: chunk_forget
-- segment
-- Chunks that were written, and never handed over.
DELETE FROM chunk WHERE number > :last;

-- statement: chunks_of_series
-- segment
SELECT start, end, number, data FROM chunk
WHERE series_id = :series_id AND start < :to AND end >= :from AND number <= :last
ORDER BY start, number;

-- statement: chunk_next_series
-- segment
-- The first series behind :after that has chunks.
SELECT min(series_id) FROM chunk WHERE series_id > :after;
