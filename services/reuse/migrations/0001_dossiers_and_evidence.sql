-- What reuse holds: dossiers with their parties and components, its own copy of grants, evidence with the reasons to keep
-- it, and the journal of what was released. Values of evidence are sealed; nothing else here is personal data.

CREATE TABLE dossier (
  dossier_uid       uuid        PRIMARY KEY,
  client_id         text        NOT NULL CHECK (length(client_id) BETWEEN 1 AND 60),
  client_ref        text        NOT NULL CHECK (client_ref ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'
                                                AND client_ref !~ '^([0-9]{9}|[0-9]{12})$'),
  official_code     text        CHECK (length(official_code) <= 60),
  procedure         text        NOT NULL CHECK (procedure ~ '^[1-6]\.[0-9]{6}$'),
  procedure_version integer     NOT NULL CHECK (procedure_version > 0),
  name_vi           text        NOT NULL CHECK (length(name_vi) <= 300),
  name_en           text        NOT NULL CHECK (length(name_en) <= 300),
  case_id           text        NOT NULL CHECK (length(case_id) <= 60),
  channel           text        NOT NULL CHECK (channel IN ('online', 'counter', 'post')),
  receiving_uid     text        NOT NULL CHECK (length(receiving_uid) <= 40),
  receiving_name    text        NOT NULL CHECK (length(receiving_name) <= 200),
  competent_uid     text        NOT NULL CHECK (length(competent_uid) <= 40),
  competent_name    text        NOT NULL CHECK (length(competent_name) <= 200),
  supporting_uid    text        CHECK (length(supporting_uid) <= 40),
  supporting_name   text        CHECK (length(supporting_name) <= 200),
  parent_uid        uuid        REFERENCES dossier,
  facts             jsonb       NOT NULL CHECK (jsonb_typeof(facts) = 'object'),
  state             text        NOT NULL CHECK (state IN ('draft', 'received', 'closed')),
  opened_at         timestamptz NOT NULL,
  dies_at           timestamptz NOT NULL CHECK (dies_at > opened_at),
  received_at       timestamptz,
  closed_at         timestamptz,
  outcome           text        CHECK (outcome ~ '^[a-z0-9]+(_[a-z0-9]+)*$' AND length(outcome) <= 60),
  UNIQUE (client_id, client_ref),
  CHECK ((state = 'closed') = (closed_at IS NOT NULL AND outcome IS NOT NULL)),
  CHECK (state <> 'draft' OR official_code IS NULL),
  CHECK (state <> 'received' OR (official_code IS NOT NULL AND received_at IS NOT NULL)),
  CHECK ((supporting_uid IS NULL) = (supporting_name IS NULL))
);
CREATE INDEX dossier_drafts ON dossier (dies_at) WHERE state = 'draft';
COMMENT ON TABLE dossier IS 'One application. Procedure, case and rule versions are those in force when it opened (R2).';

CREATE TABLE party (
  party_uid      uuid   PRIMARY KEY,
  dossier_uid    uuid   NOT NULL REFERENCES dossier,
  place          integer NOT NULL CHECK (place >= 0),
  ref            text   CHECK (ref ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' AND ref !~ '^([0-9]{9}|[0-9]{12})$'),
  roles          text[] NOT NULL CHECK (cardinality(roles) BETWEEN 1 AND 10),
  represented_by uuid,
  subject_id     uuid,
  UNIQUE (dossier_uid, place),
  UNIQUE (dossier_uid, party_uid),
  UNIQUE (dossier_uid, subject_id),
  FOREIGN KEY (dossier_uid, represented_by) REFERENCES party (dossier_uid, party_uid),
  CHECK (represented_by <> party_uid)
);
COMMENT ON TABLE party IS 'One person in a dossier; subject_id once identity has bound her for good (R4), null before.';

CREATE TABLE component (
  dossier_uid      uuid    NOT NULL,
  component_id     text    NOT NULL CHECK (length(component_id) BETWEEN 1 AND 60),
  party_uid        uuid    NOT NULL,
  place            integer NOT NULL CHECK (place >= 0),
  document_code    text    NOT NULL CHECK (length(document_code) <= 60),
  document_vi      text    NOT NULL CHECK (length(document_vi) <= 200),
  document_en      text    NOT NULL CHECK (length(document_en) <= 200),
  optional         boolean NOT NULL,
  attributes       text[]  NOT NULL CHECK (cardinality(attributes) <= 50),
  sources          text[]  NOT NULL CHECK (cardinality(sources) <= 10),
  rule_id          text    CHECK (length(rule_id) <= 60),
  rule_version     integer CHECK (rule_version > 0),
  letter           text    CHECK (length(letter) <= 20),
  legal_refs       text[]  NOT NULL,
  ends_on          date,
  identification   text    CHECK (length(identification) <= 40),
  purpose_id       text    CHECK (length(purpose_id) <= 60),
  purpose_version  integer CHECK (purpose_version > 0),
  data_class       text    CHECK (data_class IN ('basic', 'sensitive')),
  max_age_days     integer CHECK (max_age_days > 0),
  min_grade        text    CHECK (min_grade IN ('L0', 'L1', 'L2', 'L3', 'L4')),
  PRIMARY KEY (dossier_uid, component_id, party_uid),
  FOREIGN KEY (dossier_uid, party_uid) REFERENCES party (dossier_uid, party_uid),
  CHECK (num_nonnulls(rule_id, rule_version, letter) IN (0, 3)),
  CHECK (num_nonnulls(purpose_id, purpose_version) IN (0, 2)),
  CHECK (rule_id IS NULL OR purpose_id IS NULL),
  -- without a basis it is a paper, and nothing is asked of anybody
  CHECK (num_nonnulls(rule_id, purpose_id) = 1 OR cardinality(attributes) = 0),
  CHECK (num_nonnulls(data_class, max_age_days, min_grade) = CASE WHEN cardinality(attributes) = 0 THEN 0 ELSE 3 END)
);
COMMENT ON TABLE component IS 'What the pinned map asks of a party; a record about two people is a row each.';

-- Grants: written by consent's events and signed state assertions, and by nothing else -------------------------------------

CREATE TABLE grant_copy (
  grant_id        uuid        PRIMARY KEY,
  subject_id      uuid        NOT NULL,
  version         integer     NOT NULL CHECK (version > 0),
  state           text        NOT NULL CHECK (state IN ('granted', 'withdrawn', 'expired', 'ended')),
  kind            text        NOT NULL CHECK (kind IN ('consent', 'legal_basis')),
  scope           text        NOT NULL CHECK (scope IN ('release', 'retention')),
  sub             text        CHECK (length(sub) <= 100),
  client_id       text        CHECK (length(client_id) <= 60),
  agency_uid      text        CHECK (length(agency_uid) <= 40),
  dossier_uid     uuid,
  party_uid       uuid,
  attributes      text[]      NOT NULL,
  opted_out       text[]      NOT NULL,
  purpose_id      text        CHECK (length(purpose_id) <= 60),
  purpose_version integer,
  rule_id         text        CHECK (length(rule_id) <= 60),
  rule_version    integer,
  letter          text        CHECK (length(letter) <= 20),
  legal_refs      text[]      NOT NULL,
  valid_from      timestamptz NOT NULL,
  valid_until     timestamptz,
  use_budget      integer     CHECK (use_budget > 0),
  partition       integer     CHECK (partition >= 0), -- of its own events; null until one of them was consumed here
  learned_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (num_nonnulls(sub, client_id, agency_uid, dossier_uid, party_uid) = CASE scope WHEN 'release' THEN 5 ELSE 0 END),
  CHECK ((kind = 'consent') = (purpose_id IS NOT NULL)),
  CHECK ((kind = 'legal_basis') = (rule_id IS NOT NULL))
);
CREATE INDEX grant_copy_of_subject ON grant_copy (subject_id, dossier_uid);
CREATE INDEX grant_copy_ends ON grant_copy (valid_until) WHERE state = 'granted';
COMMENT ON TABLE grant_copy IS 'Consent''s grants as last heard of. A version never overwrites a newer one.';

CREATE TABLE grant_use (
  grant_id   uuid    PRIMARY KEY REFERENCES grant_copy,
  subject_id uuid    NOT NULL,
  used       integer NOT NULL DEFAULT 0 CHECK (used >= 0)
);
COMMENT ON TABLE grant_use IS 'How often a grant with a use budget was used; counted here, where it is used.';

-- Evidence ---------------------------------------------------------------------------------------------------------------

CREATE TABLE data_key (
  subject_id uuid        PRIMARY KEY,
  wrapped    bytea       NOT NULL CHECK (length(wrapped) BETWEEN 40 AND 200),
  made_at    timestamptz NOT NULL
);
COMMENT ON TABLE data_key IS 'Each citizen''s own key, wrapped. Deleting a row leaves nothing readable of her.';

CREATE TABLE evidence (
  evidence_id uuid        PRIMARY KEY,
  subject_id  uuid        NOT NULL REFERENCES data_key,
  attribute   text        NOT NULL CHECK (length(attribute) <= 60),
  version     integer     NOT NULL CHECK (version > 0),
  sealed      bytea       NOT NULL CHECK (length(sealed) BETWEEN 28 AND 131072), -- value and register's record id
  digest      bytea       NOT NULL CHECK (length(digest) = 32),                  -- of the sealed bytes
  origin      text        NOT NULL CHECK (origin IN ('vneid', 'registry', 'procedure_result', 'digitised_paper', 'upload')),
  source      text        NOT NULL CHECK (length(source) <= 60),
  verified_at timestamptz NOT NULL,
  level       integer     CHECK (level BETWEEN 0 AND 9),
  value_grade text        NOT NULL CHECK (value_grade IN ('L0', 'L1', 'L2', 'L3', 'L4')),
  valid_until timestamptz,
  data_class  text        NOT NULL CHECK (data_class IN ('basic', 'sensitive')),
  dossier_uid uuid        NOT NULL REFERENCES dossier, -- collected for
  made_at     timestamptz NOT NULL,
  UNIQUE (subject_id, attribute, version),
  UNIQUE (subject_id, evidence_id)
);
CREATE INDEX evidence_run_out ON evidence (valid_until) WHERE valid_until IS NOT NULL;
COMMENT ON TABLE evidence IS 'One verified attribute of one subject, one row per version. Deleted when its last holding ends (R9).';

CREATE TABLE holding (
  holding_id   uuid        PRIMARY KEY,
  evidence_id  uuid        NOT NULL,
  subject_id   uuid        NOT NULL,
  scope        text        NOT NULL CHECK (scope IN ('dossier', 'citizen_store', 'legal_reuse')),
  dossier_uid  uuid        REFERENCES dossier,
  grant_id     uuid        REFERENCES grant_copy,
  rule_id      text        CHECK (length(rule_id) <= 60),
  rule_version integer     CHECK (rule_version > 0),
  legal_refs   text[]      NOT NULL,
  procedures   text[]      NOT NULL,
  until        timestamptz,
  made_at      timestamptz NOT NULL,
  FOREIGN KEY (subject_id, evidence_id) REFERENCES evidence (subject_id, evidence_id) ON DELETE CASCADE,
  UNIQUE NULLS NOT DISTINCT (evidence_id, scope, dossier_uid, grant_id, rule_id, rule_version),
  CHECK ((scope = 'dossier') = (dossier_uid IS NOT NULL)),
  CHECK ((scope = 'legal_reuse') = (rule_id IS NOT NULL)),
  CHECK ((scope = 'legal_reuse') = (grant_id IS NULL)),
  CHECK (scope <> 'legal_reuse' OR (rule_version IS NOT NULL AND until IS NOT NULL AND cardinality(procedures) > 0))
);
CREATE INDEX holding_of_evidence ON holding (evidence_id);
CREATE INDEX holding_under_grant ON holding (grant_id);
CREATE INDEX holding_for_dossier ON holding (dossier_uid);
CREATE INDEX holding_run_out ON holding (until) WHERE until IS NOT NULL;
COMMENT ON TABLE holding IS 'Why one evidence version may be kept. Gone when it ends; using evidence makes none.';

CREATE TABLE lookup (
  lookup_id      uuid        NOT NULL,
  attribute      text        NOT NULL CHECK (length(attribute) <= 60),
  subject_id     uuid        NOT NULL,
  dossier_uid    uuid        NOT NULL REFERENCES dossier,
  party_uid      uuid        NOT NULL,
  source         text        NOT NULL CHECK (length(source) <= 40),
  claims_id      uuid,       -- of a login's or a check's claims
  identification boolean     NOT NULL,
  grant_id       uuid,
  actor          jsonb       NOT NULL,
  agency_uid     text        NOT NULL CHECK (length(agency_uid) <= 40),
  agency_name    text        NOT NULL CHECK (length(agency_name) <= 200),
  started_at     timestamptz NOT NULL,
  outcome        text        CHECK (outcome IN ('found', 'not_found', 'partial', 'mismatch', 'unavailable')),
  finished_at    timestamptz,
  PRIMARY KEY (lookup_id, attribute),
  CHECK ((outcome IS NULL) = (finished_at IS NULL))
);
CREATE UNIQUE INDEX lookup_in_flight ON lookup (subject_id, attribute) WHERE outcome IS NULL;
CREATE INDEX lookup_for_dossier ON lookup (dossier_uid, party_uid);
CREATE INDEX lookup_of_claims ON lookup (claims_id) WHERE claims_id IS NOT NULL;
COMMENT ON TABLE lookup IS 'What was asked of whom: one row per attribute, at most one in flight per subject and attribute.';

-- What was released, and what came of it ---------------------------------------------------------------------------------

CREATE TABLE release (
  release_id    uuid        PRIMARY KEY,
  subject_id    uuid        NOT NULL,
  dossier_uid   uuid        NOT NULL REFERENCES dossier,
  party_uid     uuid        NOT NULL,
  client_id     text        NOT NULL CHECK (length(client_id) <= 60),
  agency_uid    text        NOT NULL CHECK (length(agency_uid) <= 40),
  agency_name   text        NOT NULL CHECK (length(agency_name) <= 200),
  actor         jsonb       NOT NULL,
  token_id      text        NOT NULL CHECK (length(token_id) <= 200),
  components    text[]      NOT NULL CHECK (cardinality(components) > 0),
  evidence_ids  uuid[]      NOT NULL CHECK (cardinality(evidence_ids) > 0),
  holding_ids   uuid[]      NOT NULL,
  attributes    text[]      NOT NULL,
  grant_ids     uuid[]      NOT NULL CHECK (cardinality(grant_ids) > 0),
  consent_t     timestamptz NOT NULL, -- the word of consent it stood on is of this moment
  authorised_at timestamptz NOT NULL,
  outcome       text        NOT NULL DEFAULT 'authorised' CHECK (outcome IN ('authorised', 'withheld')),
  withheld_for  text        CHECK (length(withheld_for) <= 60),
  replay_of     uuid,
  CHECK (cardinality(evidence_ids) = cardinality(holding_ids) AND cardinality(evidence_ids) = cardinality(attributes)),
  CHECK ((outcome = 'withheld') = (withheld_for IS NOT NULL))
);
CREATE INDEX release_of_dossier ON release (dossier_uid, authorised_at);
COMMENT ON TABLE release IS 'The journal: authorised, possibly not sent (architecture §6). The three arrays go together.';

CREATE TABLE verdict (
  verdict_id   uuid        PRIMARY KEY,
  dossier_uid  uuid        NOT NULL REFERENCES dossier,
  component_id text        NOT NULL CHECK (length(component_id) <= 60),
  outcome      text        NOT NULL CHECK (outcome IN ('accepted', 'rejected')),
  reason       text        CHECK (reason ~ '^[a-z0-9]+(_[a-z0-9]+)*$' AND length(reason) <= 60),
  release_id   uuid        REFERENCES release,
  agency_uid   text        NOT NULL CHECK (length(agency_uid) <= 40),
  agency_name  text        NOT NULL CHECK (length(agency_name) <= 200),
  actor        jsonb       NOT NULL,
  judged_at    timestamptz NOT NULL,
  CHECK ((outcome = 'rejected') = (reason IS NOT NULL))
);
CREATE UNIQUE INDEX verdict_accepted_once ON verdict (dossier_uid, component_id) WHERE outcome = 'accepted';
CREATE INDEX verdict_of_dossier ON verdict (dossier_uid);
COMMENT ON TABLE verdict IS 'The officer''s word on a component; only an acceptance makes its paper one not asked for (R14).';

CREATE TABLE result (
  result_id    uuid        PRIMARY KEY,
  dossier_uid  uuid        NOT NULL REFERENCES dossier,
  party_uid    uuid        NOT NULL,
  subject_id   uuid        NOT NULL,
  result_type  text        NOT NULL CHECK (length(result_type) <= 60),
  attribute    text        NOT NULL CHECK (length(attribute) <= 60),
  evidence_id  uuid        NOT NULL,
  agency_uid   text        NOT NULL CHECK (length(agency_uid) <= 40),
  agency_name  text        NOT NULL CHECK (length(agency_name) <= 200),
  actor        jsonb       NOT NULL,
  deposited_at timestamptz NOT NULL,
  UNIQUE (dossier_uid, party_uid, result_type)
);
COMMENT ON TABLE result IS 'What a procedure ended in, deposited as evidence by its competent agency (R15).';

CREATE TABLE clock_check (
  consent     boolean     PRIMARY KEY DEFAULT true CHECK (consent),
  measured_at timestamptz NOT NULL,
  offset_ms   double precision NOT NULL,
  within      boolean     NOT NULL
);
COMMENT ON TABLE clock_check IS 'How far this database''s clock is from that of consent''s (architecture §6); one row.';
