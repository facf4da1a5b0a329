-- Authorise one release, or write nothing but that the proof was used. One statement, one commit, one round trip
-- (architecture §6, §7). Whoever changes it: tests/services/reuse/test_release*.py, and the race.
--
--  $1 release   $2 event   $3 dossier   $4 party   $5 client   $6 agency uid   $7 agency name   $8 actor   $9 token
-- $10 token's end   $11 mandate's procedures   $12 component ids or null for all that can be released
-- $13 proof's replay key, null when it was used up by the attempt before   $14 its end
-- $15 lease L   $16 skew S   $17 commit allowance C   $18 bound of unsealed events
-- $19 grants that consent has vouched for at   $20 T of that assertion   $21 traceparent
-- $22 the release this one repeats, or null   $23 the evidence that went out then: it and no other goes out again
WITH
proof AS (
  INSERT INTO replay (kind, key, expires_at) SELECT 'dpop', $13::text, $14::timestamptz WHERE $13::text IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING true
),
-- Rows that others may be changing are locked first, always in this order: dossier, grants by id, uses by grant id. A
-- locked row is read as it is once the lock is had; everything else as of the statement's start.
dossier_locked AS MATERIALIZED (
  SELECT d.procedure, d.state, d.dies_at, p.party_uid, p.subject_id,
         $6::text = d.receiving_uid OR $6 = d.competent_uid OR $6 IS NOT DISTINCT FROM d.supporting_uid AS of_agency
  FROM dossier d LEFT JOIN party p ON p.dossier_uid = d.dossier_uid AND p.party_uid = $4::uuid
  WHERE d.dossier_uid = $3::uuid AND d.client_id = $5::text FOR SHARE OF d
),
-- Each attribute that is asked, with the release grant and the held evidence that look best for it, nulls where there
-- is none: law before consent, new before old.
candidate AS MATERIALIZED (
  SELECT c.component_id, a.attribute, best.*
  FROM dossier_locked d
  JOIN component c ON c.dossier_uid = $3 AND c.party_uid = d.party_uid
  CROSS JOIN LATERAL unnest(c.attributes) AS a (attribute)
  LEFT JOIN LATERAL (
    SELECT g.grant_id AS release_grant, h.grant_id AS holding_grant, h.holding_id, h.scope, h.rule_id AS holding_rule,
           h.until AS held_until, e.evidence_id, e.sealed, e.verified_at, e.valid_until, e.origin, e.source, e.level,
           e.value_grade, e.data_class, e.verified_at + make_interval(days => c.max_age_days) AS stale_at
    FROM grant_copy g
    JOIN evidence e ON e.subject_id = g.subject_id AND e.attribute = a.attribute
    JOIN holding h ON h.subject_id = e.subject_id AND h.evidence_id = e.evidence_id
    LEFT JOIN grant_copy hg ON hg.grant_id = h.grant_id
    WHERE g.subject_id = d.subject_id AND g.dossier_uid = $3 AND g.scope = 'release' AND g.state = 'granted'
      AND g.client_id = $5 AND g.agency_uid = $6 AND a.attribute = ANY (g.attributes)
      AND e.value_grade >= c.min_grade
      AND e.verified_at > statement_timestamp() - make_interval(days => c.max_age_days)
      AND (e.valid_until IS NULL OR e.valid_until > statement_timestamp())
      AND ((h.scope = 'dossier' AND h.dossier_uid = $3)
           OR h.scope = 'citizen_store'
           OR (h.scope = 'legal_reuse' AND d.procedure = ANY (h.procedures)))
      AND (h.until IS NULL OR h.until > statement_timestamp())
      AND (hg.grant_id IS NULL OR hg.state = 'granted')
      AND ($23::uuid[] IS NULL OR e.evidence_id = ANY ($23))
    ORDER BY g.kind DESC, e.verified_at DESC, e.evidence_id,
             array_position(ARRAY['dossier', 'legal_reuse', 'citizen_store'], h.scope), g.grant_id, h.holding_id
    LIMIT 1
  ) best ON true
  WHERE $12::text[] IS NULL OR c.component_id = ANY ($12)
),
-- T of each grant: the moment up to which everything consent has said of it is known here.
grants_locked AS MATERIALIZED (
  SELECT g.grant_id, g.state, g.scope, g.attributes, g.sub, g.valid_from, g.valid_until, g.use_budget, g.kind,
         g.rule_id, g.purpose_id, g.legal_refs,
         CASE WHEN g.grant_id = ANY ($19::uuid[]) THEN $20::timestamptz WHEN NOT w.frozen THEN w.t END AS t
  FROM grant_copy g LEFT JOIN reader_watermark w ON w.source = 'consent' AND w.partition = g.partition
  WHERE g.grant_id = ANY (ARRAY(SELECT unnest(ARRAY[release_grant, holding_grant]) FROM candidate))
  ORDER BY g.grant_id FOR SHARE OF g
),
uses_locked AS MATERIALIZED (
  SELECT u.grant_id, u.used < g.use_budget AS is_left
  FROM grant_use u JOIN grants_locked g USING (grant_id)
  WHERE g.use_budget IS NOT NULL AND g.grant_id IN (SELECT release_grant FROM candidate)
  ORDER BY u.grant_id FOR UPDATE OF u
),
-- The time is read once all locks are had.
moment AS MATERIALIZED (
  SELECT clock_timestamp() AS now
  FROM (SELECT count(*) FROM dossier_locked) a, (SELECT count(*) FROM grants_locked) b,
       (SELECT count(*) FROM uses_locked) c
),
live AS MATERIALIZED (
  SELECT g.* FROM grants_locked g, moment m
  WHERE g.state = 'granted' AND g.valid_from <= m.now AND (g.valid_until IS NULL OR m.now < g.valid_until)
),
-- What was chosen before the locks, held against what is true behind them: a later version of a grant may have another
-- state, end, budget or attributes, never another subject, recipient or dossier. A retention grant must still name the
-- attribute; match keys may be held for a dossier without being asked by it. A component goes out whole or not at all.
judged AS MATERIALIZED (
  SELECT c.*, g.sub, g.kind, g.rule_id, g.purpose_id, g.legal_refs,
         least(g.valid_until, hg.valid_until, c.held_until, c.valid_until, c.stale_at) AS ends_at,
         bool_and(g.grant_id IS NOT NULL AND (coalesce(u.is_left, g.use_budget IS NULL) OR $22::uuid IS NOT NULL)
                  AND (c.holding_grant IS NULL
                       OR (hg.grant_id IS NOT NULL AND (c.scope = 'dossier' OR c.attribute = ANY (hg.attributes)))))
           OVER (PARTITION BY c.component_id) AS goes_out
  FROM candidate c
  LEFT JOIN live g ON g.grant_id = c.release_grant AND c.attribute = ANY (g.attributes)
  LEFT JOIN live hg ON hg.grant_id = c.holding_grant
  LEFT JOIN uses_locked u ON u.grant_id = c.release_grant
),
-- Evidence that several components ask for goes out once.
chosen AS MATERIALIZED (
  SELECT DISTINCT ON (attribute, evidence_id) j.*, array_agg(component_id) OVER same AS for_components
  FROM judged j WHERE goes_out
  WINDOW same AS (PARTITION BY attribute, evidence_id ORDER BY component_id
                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
  ORDER BY attribute, evidence_id, component_id
),
finding AS MATERIALIZED (
  SELECT m.now, d.procedure, d.subject_id, c.*, s.*,
         (SELECT array_agg(DISTINCT component_id) FROM judged WHERE goes_out) AS components,
         $13::text IS NULL OR EXISTS (SELECT FROM proof) AS proof_fresh,
         coalesce(d.of_agency, false) AS of_dossier,
         coalesce(d.procedure = ANY ($11::text[]), false) AS in_mandate,
         coalesce(d.state <> 'closed', false) AS is_open,
         coalesce(d.state <> 'draft' OR m.now < d.dies_at, false) AS is_alive,
         d.party_uid IS NOT NULL AS has_party,
         d.subject_id IS NOT NULL AS has_subject,
         $12::text[] IS NULL
           OR (SELECT count(DISTINCT component_id) FROM judged) = cardinality($12) AS components_known,
         c.attributes IS NOT NULL
           AND ($12::text[] IS NULL OR NOT EXISTS (SELECT FROM judged WHERE NOT goes_out)) AS is_covered,
         coalesce(m.now - s.t BETWEEN -$16::interval AND $15::interval - $16 - $17::interval, false) AS in_lease,
         EXISTS (SELECT FROM clock_check WHERE within AND measured_at > m.now - interval '5 minutes') AS clock_sure,
         NOT EXISTS (SELECT FROM outbox WHERE sealed_at IS NULL AND time < m.now - $18::interval) AS sealed_in_time,
         m.now < $10::timestamptz AS token_valid
  FROM moment m
  LEFT JOIN dossier_locked d ON true
  CROSS JOIN (
    SELECT min(sub) AS sub, array_agg(attribute) AS attributes, array_agg(evidence_id) AS evidence_ids,
           array_agg(holding_id) AS holding_ids
    FROM chosen) c
  CROSS JOIN (
    SELECT array_agg(grant_id ORDER BY grant_id) AS grant_ids, CASE WHEN bool_and(t IS NOT NULL) THEN min(t) END AS t
    FROM grants_locked
    WHERE grant_id = ANY (ARRAY(SELECT unnest(ARRAY[release_grant, holding_grant]) FROM chosen))) s
),
decision AS MATERIALIZED (
  SELECT f.*, f.proof_fresh AND f.of_dossier AND f.in_mandate AND f.is_open AND f.is_alive AND f.has_party
              AND f.has_subject AND f.components_known AND f.is_covered AND f.in_lease AND f.clock_sure
              AND f.sealed_in_time AND f.token_valid AS allowed
  FROM finding f
),
spent AS (
  UPDATE grant_use u SET used = u.used + 1 FROM decision d, uses_locked k
  WHERE d.allowed AND $22 IS NULL AND u.grant_id = k.grant_id AND k.is_left
    AND u.grant_id IN (SELECT release_grant FROM chosen)
),
journal AS (
  INSERT INTO release (release_id, subject_id, dossier_uid, party_uid, client_id, agency_uid, agency_name, actor,
                       token_id, components, evidence_ids, holding_ids, attributes, grant_ids, consent_t, authorised_at, replay_of)
  SELECT $1::uuid, subject_id, $3, $4, $5, $6, $7::text, $8::jsonb, $9::text, components, evidence_ids, holding_ids,
         attributes, grant_ids, t, now, $22
  FROM decision WHERE allowed
),
told AS (
  INSERT INTO outbox (event_id, type, key, time, data, traceparent)
  SELECT $2::uuid, 'reuse.released.v1', subject_id::text, now, jsonb_build_object(
           'release_id', $1::uuid, 'subject_id', subject_id, 'sub', sub, 'dossier_uid', $3::uuid,
           'party_uid', $4::uuid, 'client_id', $5::text,
           'agency', jsonb_build_object('uid', $6::text, 'name', $7::text), 'actor', $8::jsonb,
           'components', components, 'attributes', array(SELECT DISTINCT unnest(attributes) ORDER BY 1),
           'grant_ids', grant_ids, 'holding_ids', holding_ids, 'evidence_ids', evidence_ids, 'procedure', procedure,
           'authorised_at', to_char(now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'replay_of', $22),
         $21::text
  FROM decision WHERE allowed
)
SELECT d.allowed, d.now, d.t, d.proof_fresh, d.of_dossier, d.in_mandate, d.is_open, d.is_alive, d.has_party,
       d.has_subject, d.components_known, d.is_covered, d.in_lease, d.clock_sure, d.sealed_in_time, d.token_valid,
       d.procedure, d.components, d.grant_ids, d.sub, d.subject_id, c.attribute, c.evidence_id, c.holding_id,
       c.scope, c.release_grant, c.holding_grant, c.holding_rule, c.kind, c.rule_id, c.purpose_id, c.legal_refs,
       c.sealed, c.verified_at, c.origin, c.source, c.level, c.value_grade, c.data_class, c.for_components,
       least(c.ends_at, $10::timestamptz) AS ends_at, k.wrapped
FROM decision d LEFT JOIN chosen c ON d.allowed LEFT JOIN data_key k ON k.subject_id = d.subject_id AND d.allowed
