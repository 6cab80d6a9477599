-- statement: project_opportunity
-- projection
-- A confidence above 1 is a percentage. Without an id of its own each event is a new opportunity.
INSERT INTO opportunity (opportunity_id, title, category, description, confidence, revenue_potential, source,
                         discovered, event)
VALUES (coalesce(:data ->> '$.opportunity_id', 'event-' || :id), :data ->> '$.title', :data ->> '$.category',
        :data ->> '$.description',
        CASE WHEN json_type(:data, '$.confidence_score') NOT IN ('integer', 'real') THEN NULL
             WHEN :data ->> '$.confidence_score' > 1 THEN (:data ->> '$.confidence_score') / 100.0
             ELSE :data ->> '$.confidence_score' END,
        :data -> '$.revenue_potential', :source, :timestamp, :id)
ON CONFLICT (opportunity_id) DO UPDATE SET
  title = coalesce(excluded.title, title),
  category = coalesce(excluded.category, category),
  description = coalesce(excluded.description, description),
  confidence = coalesce(excluded.confidence, confidence),
  revenue_potential = coalesce(excluded.revenue_potential, revenue_potential),
  event = excluded.event;

-- statement: opportunity_count
-- reads
SELECT count(*) FROM opportunity;
