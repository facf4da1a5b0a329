-- Authorise one release, or write nothing but that the proof was used. One statement, one commit, one round trip
-- (architecture §6, §7). Whoever changes it: tests/services/reuse/test_release*.py, and the race.
--
--  $1 release   $2 event   $3 dossier   $4 party   $5 client   $6 agency uid   $7 agency name   $8 actor   $9 token
-- $10 token's end   $11 mandate's procedures   $12 component ids or null for all that can be released
-- $13 proof's replay key, null when it was used up by the attempt before   $14 its end
-- $15 lease L   $16 skew S   $17 commit allowance C   $18 bound of unsealed events
-- $19 grants that consent has vouched for at   $20 T of that assertion   $21 traceparent
WITH
proof AS (
  INSERT INTO replay (kind, key, expires_at) SELECT 'dpop', $13::text, $14::timestamptz WHERE $13::text IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING true
),
-- Rows that others may be changing are locked first, always in this order: dossier, grants by id, uses by grant id. A
-- locked row is read as it is once the lock is had; everything else as of the statement's start.
dossier_locked AS MATERIALIZED (
  SELECT procedure, state, dies_at,
         $6::text = receiving_uid OR $6 = competent_uid OR $6 IS NOT DISTINCT FROM supporting_uid AS of_agency
  FROM dossier WHERE dossier_uid = $3::uuid AND client_id = $5::text FOR SHARE
),
asked AS MATERIALIZED (
  SELECT c.component_id, a.attribute, c.min_grade, make_interval(days => c.max_age_days) AS max_age, p.subject_id
  FROM party p
  JOIN component c ON c.dossier_uid = p.dossier_uid AND c.party_uid = p.party_uid
  CROSS JOIN LATERAL unnest(c.attributes) AS a (attribute)
  WHERE p.dossier_uid = $3 AND p.party_uid = $4::uuid AND ($12::text[] IS NULL OR c.component_id = ANY ($12))
),
-- The release grant and the held evidence that look best for each attribute: law before consent, new before old.
candidate AS MATERIALIZED (
  SELECT DISTINCT ON (k.component_id, k.attribute)
         k.component_id, k.attribute, k.min_grade, k.max_age, k.subject_id, g.grant_id AS release_grant,
         e.evidence_id, h.holding_id, h.scope, h.grant_id AS holding_grant,
         h.rule_id AS holding_rule, h.until AS held_until
  FROM asked k
  CROSS JOIN (SELECT procedure FROM dossier_locked) d
  JOIN grant_copy g ON g.subject_id = k.subject_id AND g.dossier_uid = $3
       AND g.scope = 'release' AND g.state = 'granted' AND k.attribute = ANY (g.attributes)
       AND g.client_id = $5 AND g.agency_uid = $6
  JOIN evidence e ON e.subject_id = k.subject_id AND e.attribute = k.attribute
       AND e.value_grade >= k.min_grade AND e.verified_at > statement_timestamp() - k.max_age
  JOIN holding h ON h.subject_id = e.subject_id AND h.evidence_id = e.evidence_id
       AND ((h.scope = 'dossier' AND h.dossier_uid = $3)
            OR h.scope = 'citizen_store'
            OR (h.scope = 'legal_reuse' AND d.procedure = ANY (h.procedures)))
  LEFT JOIN grant_copy hg ON hg.grant_id = h.grant_id
  WHERE (hg.grant_id IS NULL OR hg.state = 'granted')
    AND (h.until IS NULL OR h.until > statement_timestamp())
    AND (e.valid_until IS NULL OR e.valid_until > statement_timestamp())
  ORDER BY k.component_id, k.attribute, g.kind DESC, e.verified_at DESC, e.evidence_id,
           array_position(ARRAY['dossier', 'legal_reuse', 'citizen_store'], h.scope), g.grant_id, h.holding_id
),
grants_locked AS MATERIALIZED (
  SELECT grant_id, state, scope, attributes, sub, valid_from, valid_until, use_budget, partition, kind, rule_id, purpose_id, legal_refs
  FROM grant_copy
  WHERE grant_id = ANY (ARRAY(SELECT release_grant FROM candidate UNION SELECT holding_grant FROM candidate))
  ORDER BY grant_id FOR SHARE
),
uses_locked AS MATERIALIZED (
  SELECT u.grant_id, u.used, g.use_budget
  FROM grant_use u JOIN grants_locked g USING (grant_id)
  WHERE g.use_budget IS NOT NULL AND g.grant_id IN (SELECT release_grant FROM candidate)
  ORDER BY u.grant_id FOR UPDATE OF u
),
-- The time is read once all locks are had.
moment AS MATERIALIZED (
  SELECT clock_timestamp() AS now
  FROM (SELECT count(*) FROM dossier_locked) a, (SELECT count(*) FROM grants_locked) b, (SELECT count(*) FROM uses_locked) c
),
live AS MATERIALIZED (
  SELECT g.* FROM grants_locked g, moment m
  WHERE g.state = 'granted' AND g.valid_from <= m.now AND (g.valid_until IS NULL OR m.now < g.valid_until)
    AND (g.use_budget IS NULL OR g.scope <> 'release'
         OR EXISTS (SELECT FROM uses_locked u WHERE u.grant_id = g.grant_id AND u.used < u.use_budget))
),
-- What was chosen before the locks, held against what is true behind them: a later version of a grant may have another
-- state, end, budget or attributes, never another subject, recipient or dossier.
covered AS MATERIALIZED (
  SELECT c.*, g.sub, g.kind, g.rule_id, g.purpose_id, g.legal_refs, g.valid_until AS release_until, hg.valid_until AS holding_until
  FROM candidate c
  JOIN live g ON g.grant_id = c.release_grant AND c.attribute = ANY (g.attributes)
  LEFT JOIN live hg ON hg.grant_id = c.holding_grant
  -- A retention grant must still name the attribute; match keys may be held for a dossier without being asked by it.
  WHERE (c.holding_grant IS NULL
         OR (hg.grant_id IS NOT NULL AND (c.scope = 'dossier' OR c.attribute = ANY (hg.attributes))))
),
complete AS MATERIALIZED (
  SELECT k.component_id
  FROM asked k LEFT JOIN covered c ON c.component_id = k.component_id AND c.attribute = k.attribute
  GROUP BY k.component_id HAVING count(*) = count(c.attribute)
),
chosen AS MATERIALIZED (
  SELECT DISTINCT ON (c.attribute, c.evidence_id) c.*, e.sealed, e.verified_at, e.valid_until, e.origin, e.source, e.level,
         e.value_grade, e.data_class
  FROM covered c JOIN complete USING (component_id)
  JOIN evidence e ON e.subject_id = c.subject_id AND e.evidence_id = c.evidence_id
  ORDER BY c.attribute, c.evidence_id, c.component_id
),
stands_on AS MATERIALIZED (
  SELECT g.grant_id, g.partition FROM live g
  WHERE g.grant_id IN (SELECT release_grant FROM chosen UNION SELECT holding_grant FROM chosen)
),
-- T: the moment up to which everything consent has said of these grants is known here.
known AS MATERIALIZED (
  SELECT CASE WHEN bool_and(t IS NOT NULL) THEN min(t) END AS t
  FROM (SELECT CASE WHEN s.grant_id = ANY ($19::uuid[]) THEN $20::timestamptz WHEN NOT w.frozen THEN w.t END AS t
        FROM stands_on s LEFT JOIN reader_watermark w ON w.source = 'consent' AND w.partition = s.partition) each
),
finding AS MATERIALIZED (
  SELECT m.now, k.t,
         $13::text IS NULL OR EXISTS (SELECT FROM proof) AS proof_fresh,
         coalesce(d.of_agency, false) AS of_dossier,
         coalesce(d.procedure = ANY ($11::text[]), false) AS in_mandate,
         coalesce(d.state <> 'closed', false) AS is_open,
         coalesce(d.state <> 'draft' OR m.now < d.dies_at, false) AS is_alive,
         EXISTS (SELECT FROM party WHERE dossier_uid = $3 AND party_uid = $4) AS has_party,
         EXISTS (SELECT FROM asked WHERE subject_id IS NOT NULL) AS has_subject,
         $12::text[] IS NULL OR (SELECT count(DISTINCT component_id) FROM asked) = cardinality($12) AS components_known,
         CASE WHEN $12::text[] IS NULL THEN EXISTS (SELECT FROM complete)
              ELSE (SELECT count(*) FROM complete) = cardinality($12) AND EXISTS (SELECT FROM complete) END AS is_covered,
         k.t IS NOT NULL AND m.now - k.t >= -$16::interval AND m.now - k.t <= $15::interval - $16 - $17::interval AS in_lease,
         EXISTS (SELECT FROM clock_check WHERE within AND measured_at > m.now - interval '5 minutes') AS clock_sure,
         NOT EXISTS (SELECT FROM outbox WHERE sealed_at IS NULL AND time < m.now - $18::interval) AS sealed_in_time,
         m.now < $10::timestamptz AS token_valid,
         d.procedure
  FROM moment m CROSS JOIN known k LEFT JOIN dossier_locked d ON true
),
decision AS MATERIALIZED (
  SELECT f.*, f.proof_fresh AND f.of_dossier AND f.in_mandate AND f.is_open AND f.is_alive AND f.has_party
              AND f.has_subject AND f.components_known AND f.is_covered AND f.in_lease AND f.clock_sure
              AND f.sealed_in_time AND f.token_valid AS allowed
  FROM finding f
),
spent AS (
  UPDATE grant_use u SET used = u.used + 1 FROM decision d, uses_locked k
  WHERE d.allowed AND u.grant_id = k.grant_id AND u.used < k.use_budget
    AND k.grant_id IN (SELECT release_grant FROM chosen)
),
summary AS MATERIALIZED (
  SELECT d.now, d.t, d.procedure, c.*,
         (SELECT array_agg(grant_id ORDER BY grant_id) FROM stands_on) AS grant_ids,
         (SELECT array_agg(component_id ORDER BY component_id) FROM complete) AS components
  FROM decision d CROSS JOIN (
    SELECT min(subject_id::text)::uuid AS subject_id, min(sub) AS sub,
           array_agg(attribute ORDER BY attribute, evidence_id) AS attributes,
           array_agg(evidence_id ORDER BY attribute, evidence_id) AS evidence_ids,
           array_agg(holding_id ORDER BY attribute, evidence_id) AS holding_ids
    FROM chosen) c
  WHERE d.allowed
),
journal AS (
  INSERT INTO release (release_id, subject_id, dossier_uid, party_uid, client_id, agency_uid, agency_name, actor,
                       token_id, components, evidence_ids, holding_ids, attributes, grant_ids, consent_t, authorised_at)
  SELECT $1::uuid, subject_id, $3, $4, $5, $6, $7::text, $8::jsonb, $9::text, components, evidence_ids, holding_ids, attributes, grant_ids, t, now
  FROM summary
),
told AS (
  INSERT INTO outbox (event_id, type, key, time, data, traceparent)
  SELECT $2::uuid, 'reuse.released.v1', subject_id::text, now, jsonb_build_object(
           'release_id', $1::uuid, 'subject_id', subject_id, 'sub', sub, 'dossier_uid', $3::uuid, 'party_uid', $4::uuid,
           'client_id', $5::text, 'agency', jsonb_build_object('uid', $6::text, 'name', $7::text), 'actor', $8::jsonb,
           'components', to_jsonb(components), 'attributes', to_jsonb(array(SELECT DISTINCT unnest(attributes) ORDER BY 1)), 'grant_ids', to_jsonb(grant_ids),
           'holding_ids', to_jsonb(holding_ids), 'evidence_ids', to_jsonb(evidence_ids), 'procedure', procedure,
           'authorised_at', to_char(now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'replay_of', NULL), $21::text
  FROM summary
)
SELECT d.allowed, d.now, d.t, d.proof_fresh, d.of_dossier, d.in_mandate, d.is_open, d.is_alive, d.has_party,
       d.has_subject, d.components_known, d.is_covered, d.in_lease, d.clock_sure, d.sealed_in_time, d.token_valid,
       d.procedure, s.components, s.grant_ids, s.sub, s.subject_id,
       c.attribute, c.evidence_id, c.holding_id, c.scope, c.release_grant, c.holding_grant, c.holding_rule,
       c.kind, c.rule_id, c.purpose_id, c.legal_refs, c.sealed, c.verified_at, c.origin, c.source, c.level, c.value_grade, c.data_class, c.valid_until, k.wrapped,
       least($10::timestamptz, c.release_until, c.holding_until, c.held_until, c.valid_until,
             c.verified_at + c.max_age) AS ends_at,
       array(SELECT v.component_id FROM covered v JOIN complete USING (component_id)
             WHERE v.attribute = c.attribute AND v.evidence_id = c.evidence_id ORDER BY 1) AS for_components
FROM decision d LEFT JOIN summary s ON true LEFT JOIN chosen c ON d.allowed
LEFT JOIN data_key k ON k.subject_id = s.subject_id
