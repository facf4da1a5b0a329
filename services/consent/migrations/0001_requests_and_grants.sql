-- What was asked and answered, the rights that follow from it, and the receipts that prove them.

-- A notice is kept as it was shown: receipts name its digest, and the page is drawn from it.
CREATE TABLE notice (
    notice_uid      uuid  PRIMARY KEY,
    wording_id      text  NOT NULL CHECK (length(wording_id) BETWEEN 1 AND 100),
    wording_version int   NOT NULL CHECK (wording_version > 0),
    content         jsonb NOT NULL,
    sha256          text  NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$')  -- of the content as RFC 8785 JSON
);

CREATE TABLE consent_request (
    request_id      uuid PRIMARY KEY,
    flow_id         text NOT NULL UNIQUE CHECK (length(flow_id) BETWEEN 1 AND 200),
    subject_id      uuid NOT NULL,
    sub             text NOT NULL CHECK (length(sub) BETWEEN 1 AND 200),
    sector          text NOT NULL CHECK (length(sector) BETWEEN 1 AND 100),
    client_id       text NOT NULL CHECK (length(client_id) BETWEEN 1 AND 100),
    client_name     text NOT NULL CHECK (length(client_name) BETWEEN 1 AND 300),
    agency_uid      text NOT NULL CHECK (length(agency_uid) BETWEEN 1 AND 100),
    agency_name     text NOT NULL CHECK (length(agency_name) BETWEEN 1 AND 300),
    dossier_uid     uuid NOT NULL,
    party_uid       uuid NOT NULL,
    login_id        text NOT NULL CHECK (length(login_id) BETWEEN 1 AND 200),
    auth_time       timestamptz NOT NULL,
    acr             text NOT NULL CHECK (length(acr) BETWEEN 1 AND 200),
    account_level   int  NOT NULL CHECK (account_level BETWEEN 0 AND 9),
    browser_hash    bytea NOT NULL CHECK (length(browser_hash) = 32),
    redirect_origin text NOT NULL CHECK (length(redirect_origin) BETWEEN 1 AND 300),
    return_url      text NOT NULL CHECK (length(return_url) BETWEEN 1 AND 2000),
    items           jsonb NOT NULL,
    notice_uid      uuid NOT NULL REFERENCES notice,
    state           text NOT NULL CHECK (state IN ('requested', 'decided', 'abandoned', 'lapsed')),
    answers         jsonb,
    opened_at       timestamptz NOT NULL,
    lapses_at       timestamptz NOT NULL CHECK (lapses_at > auth_time),
    closed_at       timestamptz,
    CHECK ((state = 'requested') = (closed_at IS NULL)),
    CHECK ((state = 'decided') = (answers IS NOT NULL))
);
CREATE INDEX consent_request_lapsing ON consent_request (lapses_at) WHERE state = 'requested';

-- One use, one minute. Only the hash is kept: who reads this table cannot open anybody's request.
CREATE TABLE ticket (
    ticket_hash bytea PRIMARY KEY CHECK (length(ticket_hash) = 32),
    request_id  uuid NOT NULL REFERENCES consent_request,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX ticket_expiry ON ticket (expires_at);

CREATE TABLE consent_grant (
    grant_id        uuid PRIMARY KEY,
    version         int  NOT NULL CHECK (version > 0),
    state           text NOT NULL CHECK (state IN ('granted', 'withdrawn', 'expired', 'ended')),
    kind            text NOT NULL CHECK (kind IN ('consent', 'legal_basis')),
    scope           text NOT NULL CHECK (scope IN ('release', 'retention')),
    subject_id      uuid NOT NULL,
    sub             text,
    sector          text,
    client_id       text,
    agency_uid      text,
    agency_name     text,
    dossier_uid     uuid,
    party_uid       uuid,
    attributes      text[] NOT NULL,
    opted_out       text[] NOT NULL,
    purpose_id      text,
    purpose_version int,
    rule_id         text,
    rule_version    int,
    letter          text,
    legal_refs      text[] NOT NULL,
    origin          text NOT NULL CHECK (origin IN ('citizen_page', 'officer_at_counter')),
    given_by        text NOT NULL CHECK (given_by IN ('self', 'representative', 'both')),
    represented_by  uuid,
    request_id      uuid REFERENCES consent_request,
    receipt_id      uuid NOT NULL UNIQUE,
    valid_from      timestamptz NOT NULL,
    valid_until     timestamptz,
    use_budget      int CHECK (use_budget > 0),
    withdrawn_at    timestamptz,
    effective_by    timestamptz,
    ended_at        timestamptz,
    end_reason      text CHECK (end_reason IN ('dossier_closed', 'rule_ended', 'officer', 'replaced')),
    end_note        text CHECK (length(end_note) BETWEEN 1 AND 1000),
    -- release names its whole recipient, retention nobody
    CHECK (num_nonnulls(sub, sector, client_id, agency_uid, agency_name, dossier_uid, party_uid)
           = CASE scope WHEN 'release' THEN 7 ELSE 0 END),
    -- law stands on a rule version, consent on a purpose version and never for ever
    CHECK (CASE kind WHEN 'legal_basis'
           THEN num_nonnulls(rule_id, rule_version, letter) = 3 AND num_nonnulls(purpose_id, purpose_version) = 0
                AND scope = 'release'
           ELSE num_nonnulls(rule_id, rule_version, letter) = 0 AND num_nonnulls(purpose_id, purpose_version) = 2
                AND valid_until IS NOT NULL END),
    CHECK (valid_until IS NULL OR valid_until > valid_from),
    -- R10: what stands on law is not withdrawn; R11: what stands on consent is not ended by others
    CHECK (state <> 'withdrawn' OR kind = 'consent'),
    CHECK (state <> 'ended' OR kind = 'legal_basis'),
    CHECK ((state = 'withdrawn') = (withdrawn_at IS NOT NULL)),
    CHECK (effective_by IS NULL OR state = 'withdrawn'),
    CHECK ((state IN ('expired', 'ended')) = (ended_at IS NOT NULL)),
    CHECK ((state = 'ended') = (end_reason IS NOT NULL)),
    -- R12: who answers for somebody else is named
    CHECK ((given_by = 'self') = (represented_by IS NULL))
);
CREATE INDEX consent_grant_subject ON consent_grant (subject_id, dossier_uid);
-- Of law: one per subject, dossier and rule version.
CREATE UNIQUE INDEX consent_grant_of_law ON consent_grant (subject_id, dossier_uid, rule_id, rule_version)
    WHERE state = 'granted' AND kind = 'legal_basis';
CREATE INDEX consent_grant_open_of_law ON consent_grant (dossier_uid) WHERE state = 'granted' AND kind = 'legal_basis';
CREATE INDEX consent_grant_expiring ON consent_grant (valid_until) WHERE state = 'granted';
CREATE INDEX consent_grant_unconfirmed ON consent_grant (withdrawn_at)
    WHERE state = 'withdrawn' AND effective_by IS NULL;
CREATE INDEX consent_grant_request ON consent_grant (request_id) WHERE request_id IS NOT NULL;

-- A decision's standing grants: also those an earlier decision had given already.
CREATE TABLE decision_grant (
    request_id uuid NOT NULL REFERENCES consent_request,
    grant_id   uuid NOT NULL REFERENCES consent_grant,
    PRIMARY KEY (request_id, grant_id)
);

-- Receipts as they were signed.
CREATE TABLE receipt (
    receipt_id uuid PRIMARY KEY,
    grant_id   uuid NOT NULL REFERENCES consent_grant,
    subject_id uuid NOT NULL,
    client_id  text,
    sub        text NOT NULL CHECK (length(sub) BETWEEN 1 AND 200),  -- whom the receipt names; never the surrogate id
    about      text NOT NULL CHECK (about IN ('granted', 'withdrawn')),
    jws        text NOT NULL CHECK (length(jws) <= 65536),
    signed_at  timestamptz NOT NULL,
    UNIQUE (grant_id, about)
);
CREATE INDEX receipt_subject ON receipt (subject_id);

-- Dossiers as far as we were told: their name for her page, and whether they are closed (an event may come first).
CREATE TABLE known_dossier (
    dossier_uid       uuid PRIMARY KEY,
    procedure         text,
    procedure_name_vi text,
    procedure_name_en text,
    closed_at         timestamptz
);
