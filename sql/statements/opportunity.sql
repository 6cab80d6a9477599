-- statement: project_opportunity
-- projection
-- A confidence above 1 is a percentage. Without an id of its own each event is a new opportunity. An event that comes
-- late fills in what is not known, and turns nothing back.
INSERT INTO opportunity (opportunity_id, title, category, description, confidence, revenue_potential, source,
                         discovered, updated, event)
SELECT coalesce(:name_opportunity_id, 'event-' || :id),
       :text500_title, :text100_category, :text4000_description,
       CASE WHEN :number_confidence_score BETWEEN 0 AND 1 THEN round(:number_confidence_score, 6)
            WHEN :number_confidence_score BETWEEN 1 AND 100 THEN round(:number_confidence_score / 100.0, 6) END,
       CASE WHEN json_type(:data, '$.revenue_potential') IN ('text', 'integer', 'real')
              AND length(:data -> '$.revenue_potential') <= 200 THEN :data -> '$.revenue_potential' END,
       :source, min(:timestamp, :received), min(:timestamp, :received), :id
WHERE true
ON CONFLICT (opportunity_id) DO UPDATE SET
  title             = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.title, title)
                           ELSE coalesce(title, excluded.title) END,
  category          = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.category, category)
                           ELSE coalesce(category, excluded.category) END,
  description       = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.description, description)
                           ELSE coalesce(description, excluded.description) END,
  confidence        = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.confidence, confidence)
                           ELSE coalesce(confidence, excluded.confidence) END,
  revenue_potential = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.revenue_potential, revenue_potential)
                           ELSE coalesce(revenue_potential, excluded.revenue_potential) END,
  discovered        = min(discovered, excluded.discovered),
  updated           = max(updated, excluded.updated),
  event             = excluded.event;

-- statement: opportunity_count
-- reads
-- How many opportunities are known, and how many were ever discovered.
SELECT count(*), (SELECT value FROM counter WHERE name = 'opportunities') FROM opportunity;

-- statement: opportunities_page
-- reads
-- Opportunities, newest first, or those with most confidence first (:best). A page goes on behind :after_key and
-- :after_id. Confidences have six decimals, so that the key is exact.
SELECT * FROM (
  SELECT opportunity_id, title, category, description, confidence, revenue_potential, source, discovered, updated,
         CASE WHEN :best THEN CAST(round((coalesce(confidence, -1) + 1) * 1000000) AS INTEGER) ELSE discovered END AS key
  FROM opportunity
  WHERE (:category IS NULL OR category = :category) AND (:source IS NULL OR source = :source)
    AND (:min_confidence IS NULL OR confidence >= :min_confidence))
WHERE :after_key IS NULL OR key < :after_key OR (key = :after_key AND opportunity_id > :after_id)
ORDER BY key DESC, opportunity_id
LIMIT :limit;
