-- Authorise one release, or write nothing but that the proof was used. One statement, one commit, one round trip
-- (architecture §6, §7). Whoever changes it: tests/services/reuse/test_release*.py, the race, and the bench: half of what
-- it costs is the starting of its plan, so each step here that can go is worth more than any index.
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
-- Rows that others may be changing are locked first, always in this order: dossier, then her grants by id, each with its
-- use where it has a budget. A locked row is read as it is once the lock is had; everything else as of the statement's start.
dossier_locked AS MATERIALIZED (
  SELECT d.procedure, d.state, d.dies_at, p.party_uid, p.subject_id,
         $6::text = d.receiving_uid OR $6 = d.competent_uid OR $6 IS NOT DISTINCT FROM d.supporting_uid AS of_agency
  FROM dossier d LEFT JOIN party p ON p.dossier_uid = d.dossier_uid AND p.party_uid = $4::uuid
  WHERE d.dossier_uid = $3::uuid AND d.client_id = $5::text FOR SHARE OF d
),
-- What she or the law has granted for this dossier, to whomever, and for keeping. T of each: the moment up to which
-- everything consent has said of it is known here.
grants_locked AS MATERIALIZED (
  SELECT g.grant_id, g.client_id, g.agency_uid, g.sub, g.attributes, g.valid_from, g.valid_until, g.use_budget, g.kind,
         g.rule_id, g.purpose_id, g.legal_refs,
         CASE WHEN g.grant_id = ANY ($19::uuid[]) THEN $20::timestamptz WHEN NOT w.frozen THEN w.t END AS t
  FROM dossier_locked d JOIN grant_copy g ON g.subject_id = d.subject_id
  LEFT JOIN reader_watermark w ON w.source = 'consent' AND w.partition = g.partition
  WHERE g.state = 'granted' AND (g.dossier_uid = $3 OR g.dossier_uid IS NULL)
  ORDER BY g.grant_id FOR SHARE OF g
),
-- The time is read once all locks are had.
moment AS MATERIALIZED (
  SELECT clock_timestamp() AS now, spent
  FROM (SELECT array_agg(grant_id) FILTER (
          WHERE CASE WHEN use_budget IS NULL OR $22::uuid IS NOT NULL THEN false
                     ELSE NOT lock_use(grant_id, use_budget) END) AS spent
        FROM grants_locked) locked
),
-- For each component and attribute the evidence that goes out, under which grant and holding: law before consent, new
-- before old. A retention grant must still name the attribute; match keys may be held for a dossier without being asked
-- by it. A component goes out whole or not at all.
picked AS MATERIALIZED (
  SELECT p.*, count(*) OVER (PARTITION BY component_id) = asked AS goes_out
  FROM (
    SELECT DISTINCT ON (c.component_id, e.attribute)
           c.component_id, cardinality(c.attributes) AS asked, e.attribute, e.evidence_id, e.sealed, e.verified_at, e.origin,
           e.source, e.level, e.value_grade, e.data_class, h.holding_id, h.scope, h.rule_id AS holding_rule,
           h.grant_id AS holding_grant, g.grant_id AS release_grant, g.use_budget, g.sub, g.kind, g.rule_id, g.purpose_id,
           g.legal_refs,
           least(g.valid_until, hg.valid_until, h.until, e.valid_until,
                 e.verified_at + make_interval(days => c.max_age_days)) AS ends_at,
           CASE WHEN g.t IS NOT NULL AND (hg.grant_id IS NULL OR hg.t IS NOT NULL) THEN least(g.t, hg.t) END AS t
    FROM dossier_locked d CROSS JOIN moment m
    JOIN component c ON c.dossier_uid = $3 AND c.party_uid = d.party_uid
                    AND ($12::text[] IS NULL OR c.component_id = ANY ($12))
    JOIN evidence e ON e.subject_id = d.subject_id AND e.attribute = ANY (c.attributes)
                   AND e.value_grade >= c.min_grade
                   AND e.verified_at > m.now - make_interval(days => c.max_age_days)
                   AND (e.valid_until IS NULL OR e.valid_until > m.now)
                   AND ($23::uuid[] IS NULL OR e.evidence_id = ANY ($23))
    JOIN holding h ON h.evidence_id = e.evidence_id
                  AND ((h.scope = 'dossier' AND h.dossier_uid = $3)
                       OR h.scope = 'citizen_store'
                       OR (h.scope = 'legal_reuse' AND d.procedure = ANY (h.procedures)))
                  AND (h.until IS NULL OR h.until > m.now)
    JOIN grants_locked g ON g.client_id = $5 AND g.agency_uid = $6 AND e.attribute = ANY (g.attributes)
                        AND g.valid_from <= m.now AND (g.valid_until IS NULL OR m.now < g.valid_until)
                        AND (m.spent IS NULL OR g.grant_id <> ALL (m.spent))
    LEFT JOIN grants_locked hg ON hg.grant_id = h.grant_id AND (h.scope = 'dossier' OR e.attribute = ANY (hg.attributes))
                              AND hg.valid_from <= m.now AND (hg.valid_until IS NULL OR m.now < hg.valid_until)
    WHERE h.grant_id IS NULL OR hg.grant_id IS NOT NULL
    ORDER BY c.component_id, e.attribute, g.kind DESC, e.verified_at DESC, e.evidence_id,
             array_position(ARRAY['dossier', 'legal_reuse', 'citizen_store'], h.scope), g.grant_id, h.holding_id
  ) p
),
finding AS MATERIALIZED (
  SELECT m.now, d.procedure, d.party_uid, d.subject_id, c.*, e.*,
         ARRAY(SELECT grant_id FROM grants_locked WHERE grant_id = ANY (c.under)) AS grant_ids,
         $13::text IS NULL OR EXISTS (SELECT FROM proof) AS proof_fresh,
         coalesce(d.of_agency, false) AS of_dossier,
         coalesce(d.procedure = ANY ($11::text[]), false) AS in_mandate,
         coalesce(d.state <> 'closed', false) AS is_open,
         coalesce(d.state <> 'draft' OR m.now < d.dies_at, false) AS is_alive,
         coalesce(cardinality(c.components) = cardinality($12), c.components IS NOT NULL) AS is_covered,
         coalesce(m.now - c.t BETWEEN -$16::interval AND $15::interval - $16 - $17::interval, false) AS in_lease,
         EXISTS (SELECT FROM clock_check WHERE within AND measured_at > m.now - interval '5 minutes') AS clock_sure,
         NOT EXISTS (SELECT FROM outbox WHERE sealed_at IS NULL AND time < m.now - $18::interval) AS sealed_in_time,
         m.now < $10::timestamptz AS token_valid
  FROM moment m
  LEFT JOIN dossier_locked d ON true
  CROSS JOIN (
    SELECT min(sub) AS sub, array_agg(DISTINCT component_id) AS components, array_agg(DISTINCT attribute) AS names,
           array_agg(release_grant) || array_agg(holding_grant) AS under,
           array_agg(DISTINCT release_grant) FILTER (WHERE use_budget IS NOT NULL) AS budgeted,
           CASE WHEN bool_and(t IS NOT NULL) THEN min(t) END AS t
    FROM picked WHERE goes_out) c
  -- Evidence that several components ask for goes out once, under the same grant and holding for all of them.
  CROSS JOIN (
    SELECT array_agg(attribute) AS attributes, array_agg(evidence_id) AS evidence_ids, array_agg(holding_id) AS holding_ids
    FROM (SELECT DISTINCT attribute, evidence_id, holding_id FROM picked WHERE goes_out) once) e
),
decision AS MATERIALIZED (
  SELECT f.*, proof_fresh AND of_dossier AND in_mandate AND is_open AND is_alive AND is_covered AND in_lease
              AND clock_sure AND sealed_in_time AND token_valid AS allowed
  FROM finding f
),
journal AS (
  INSERT INTO release (release_id, subject_id, dossier_uid, party_uid, client_id, agency_uid, agency_name, actor, token_id,
                       components, evidence_ids, holding_ids, attributes, grant_ids, consent_t, authorised_at, replay_of)
  SELECT $1::uuid, subject_id, $3, $4, $5, $6, $7::text, $8::jsonb, $9::text, components, evidence_ids, holding_ids,
         attributes, grant_ids, t, now, $22
  FROM decision
  WHERE CASE WHEN allowed THEN $22 IS NOT NULL OR budgeted IS NULL OR spend_uses(budgeted) ELSE false END
),
told AS (
  INSERT INTO outbox (event_id, type, key, time, data, traceparent)
  SELECT $2::uuid, 'reuse.released.v1', subject_id::text, now, jsonb_build_object(
           'release_id', $1::uuid, 'subject_id', subject_id, 'sub', sub, 'dossier_uid', $3::uuid,
           'party_uid', $4::uuid, 'client_id', $5::text,
           'agency', jsonb_build_object('uid', $6::text, 'name', $7::text), 'actor', $8::jsonb,
           'components', components, 'attributes', names, 'grant_ids', grant_ids, 'holding_ids', holding_ids,
           'evidence_ids', evidence_ids, 'procedure', procedure,
           'authorised_at', to_char(now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'replay_of', $22),
         $21::text
  FROM decision WHERE allowed
)
SELECT d.allowed, d.now, d.t, d.proof_fresh, d.of_dossier, d.in_mandate, d.is_open, d.is_alive,
       d.party_uid IS NOT NULL AS has_party, d.subject_id IS NOT NULL AS has_subject,
       d.is_covered OR $12 IS NULL OR cardinality($12) = (
         SELECT count(*) FROM component c
         WHERE c.dossier_uid = $3 AND c.party_uid = d.party_uid AND c.component_id = ANY ($12) AND c.attributes <> '{}'
       ) AS components_known,
       d.is_covered, d.in_lease, d.clock_sure, d.sealed_in_time, d.token_valid,
       d.procedure, d.components, d.grant_ids, d.sub, d.subject_id, p.component_id, p.attribute, p.evidence_id, p.holding_id,
       p.scope, p.release_grant, p.holding_grant, p.holding_rule, p.kind, p.rule_id, p.purpose_id, p.legal_refs,
       p.sealed, p.verified_at, p.origin, p.source, p.level, p.value_grade, p.data_class,
       least(p.ends_at, $10::timestamptz) AS ends_at, k.wrapped
FROM decision d LEFT JOIN picked p ON d.allowed AND p.goes_out LEFT JOIN data_key k ON k.subject_id = d.subject_id AND d.allowed
