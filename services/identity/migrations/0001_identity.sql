-- Who calls, who logs in, who is which party, and what waits to be collected. Personal data only in columns *_sealed.

CREATE TABLE client (
    client_id     text PRIMARY KEY CHECK (client_id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(client_id) <= 60),
    name          text  NOT NULL CHECK (length(name) BETWEEN 1 AND 300),
    kind          text  NOT NULL CHECK (kind IN ('city_system', 'first_party')),
    jwks          jsonb NOT NULL,
    redirect_uris text[] NOT NULL,
    retired_at    timestamptz  -- no longer in the registration file
);

CREATE TABLE mandate (
    mandate_id  text PRIMARY KEY CHECK (length(mandate_id) BETWEEN 1 AND 60),
    client_id   text NOT NULL REFERENCES client,
    kind        text NOT NULL CHECK (kind IN ('procedure', 'audit')),
    agency_uid  text NOT NULL CHECK (agency_uid ~ '^ag-[0-9]{6}$'),
    procedures  text[] NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz CHECK (valid_from < valid_until),
    legal_ref   text NOT NULL CHECK (length(legal_ref) BETWEEN 5 AND 200),
    retired_at  timestamptz
);
CREATE INDEX mandate_client ON mandate (client_id, agency_uid);

-- One row per number, however many log in at once: the keyed hash is unique.
CREATE TABLE citizen (
    subject_id        uuid PRIMARY KEY,
    pin_index         bytea NOT NULL UNIQUE CHECK (length(pin_index) = 32),
    pin_sealed        bytea NOT NULL CHECK (length(pin_sealed) BETWEEN 29 AND 1000),
    full_name_sealed  bytea NOT NULL CHECK (length(full_name_sealed) BETWEEN 29 AND 1000),
    birth_date_sealed bytea NOT NULL CHECK (length(birth_date_sealed) BETWEEN 29 AND 1000),
    birth_precision   text NOT NULL CHECK (birth_precision IN ('day', 'year')),
    account_level     smallint CHECK (account_level BETWEEN 1 AND 2),
    provisional       boolean NOT NULL,
    keys_at           timestamptz NOT NULL,
    version           int NOT NULL CHECK (version > 0)
);

-- Deleting her row here erases a citizen: nothing sealed opens any more. Kept outside long-lived backups.
CREATE TABLE data_key (
    subject_id uuid PRIMARY KEY REFERENCES citizen,
    wrapped    bytea NOT NULL CHECK (length(wrapped) BETWEEN 60 AND 1000)
);

-- Random, so that no two sectors' identifiers join without this table.
CREATE TABLE pairwise_subject (
    subject_id uuid NOT NULL REFERENCES citizen,
    sector     text NOT NULL CHECK (sector ~ '^[a-z]+(_[a-z]+)*$' AND length(sector) <= 30),
    sub        text NOT NULL UNIQUE CHECK (sub ~ '^[A-Za-z0-9_-]{22}$'),
    PRIMARY KEY (subject_id, sector)
);

-- RFC 9126. Of the request_uri only a hash, so that who reads this table can begin nobody's login.
CREATE TABLE pushed_request (
    request_id     uuid PRIMARY KEY,
    uri_hash       bytea NOT NULL UNIQUE CHECK (length(uri_hash) = 32),
    client_id      text NOT NULL REFERENCES client,
    redirect_uri   text NOT NULL CHECK (length(redirect_uri) <= 2000),
    state          text CHECK (length(state) <= 2048),
    code_challenge text NOT NULL CHECK (code_challenge ~ '^[A-Za-z0-9_-]{43}$'),
    jkt            text NOT NULL CHECK (jkt ~ '^[A-Za-z0-9_-]{43}$'),
    resource       text NOT NULL CHECK (length(resource) <= 300),
    mandate_id     text REFERENCES mandate,
    procedure      text CHECK (length(procedure) <= 60),
    agency_uid     text CHECK (agency_uid ~ '^ag-[0-9]{6}$'),
    dossier_uid    uuid,
    party_uid      uuid,
    attributes     text[],
    pushed_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > pushed_at),
    logged_in_at   timestamptz,  -- used up
    CHECK (num_nulls(mandate_id, procedure, agency_uid, dossier_uid, party_uid, attributes) IN (0, 6))
);
CREATE INDEX pushed_request_dossier ON pushed_request (dossier_uid, party_uid) WHERE dossier_uid IS NOT NULL;
CREATE INDEX pushed_request_unused ON pushed_request (expires_at) WHERE logged_in_at IS NULL;

CREATE TABLE flow (
    flow_id            uuid PRIMARY KEY,
    request_id         uuid NOT NULL REFERENCES pushed_request,
    browser_hash       bytea NOT NULL CHECK (length(browser_hash) = 32),
    vneid_state_hash   bytea NOT NULL UNIQUE CHECK (length(vneid_state_hash) = 32),
    nonce              text CHECK (length(nonce) <= 100),
    code_verifier      text CHECK (length(code_verifier) <= 128),
    state              text NOT NULL
                       CHECK (state IN ('started', 'logged_in', 'decided', 'given_up', 'answered', 'closed')),
    started_at         timestamptz NOT NULL,
    returned_at        timestamptz,  -- VNeID's answer is taken once
    login_id           uuid UNIQUE,
    subject_id         uuid REFERENCES citizen,
    auth_time          timestamptz,
    acr                text CHECK (length(acr) <= 60),
    account_level      smallint CHECK (account_level BETWEEN 1 AND 2),
    capacity           text CHECK (capacity IN ('self', 'both', 'representative')),
    logged_in_at       timestamptz,
    consent_request_id uuid UNIQUE,
    closed_at          timestamptz,
    CHECK (num_nulls(login_id, subject_id, auth_time, acr, account_level, capacity, logged_in_at) IN (0, 7)),
    CHECK (state NOT IN ('logged_in', 'decided', 'given_up', 'answered') OR login_id IS NOT NULL),
    CHECK ((state IN ('answered', 'closed')) = (closed_at IS NOT NULL)),
    CHECK (returned_at IS NULL OR (nonce IS NULL AND code_verifier IS NULL))
);
CREATE INDEX flow_request ON flow (request_id);
CREATE INDEX flow_open ON flow (started_at) WHERE closed_at IS NULL;
CREATE INDEX flow_subject ON flow (subject_id) WHERE subject_id IS NOT NULL;

CREATE TABLE code (
    code_hash  bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    flow_id    uuid NOT NULL UNIQUE REFERENCES flow,
    attributes text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    token_id   text CHECK (length(token_id) <= 200),
    revoked_at timestamptz,  -- the code came a second time
    CHECK ((used_at IS NULL) = (token_id IS NULL)),
    CHECK (revoked_at IS NULL OR used_at IS NOT NULL)
);

-- R4: a party is one person, and a subject at most one party of a dossier. A freed party has no row.
CREATE TABLE party (
    dossier_uid   uuid NOT NULL,
    party_uid     uuid NOT NULL,
    client_id     text NOT NULL REFERENCES client,
    agency_uid    text NOT NULL CHECK (agency_uid ~ '^ag-[0-9]{6}$'),
    subject_id    uuid NOT NULL REFERENCES citizen,
    state         text NOT NULL CHECK (state IN ('reserved', 'bound')),
    method        text NOT NULL CHECK (method IN ('login', 'officer_check')),
    actor         jsonb NOT NULL,
    identified_at timestamptz NOT NULL,
    login_id      uuid,
    check_id      uuid,
    PRIMARY KEY (dossier_uid, party_uid),
    UNIQUE (dossier_uid, subject_id),
    CHECK ((method = 'login') = (login_id IS NOT NULL)),
    CHECK ((method = 'officer_check') = (check_id IS NOT NULL)),
    CHECK (method = 'login' OR state = 'bound')
);
CREATE INDEX party_subject ON party (subject_id);

CREATE TABLE officer_check (
    check_id    uuid PRIMARY KEY,
    subject_id  uuid NOT NULL REFERENCES citizen,
    dossier_uid uuid NOT NULL,
    party_uid   uuid NOT NULL,
    client_id   text NOT NULL REFERENCES client,
    agency_uid  text NOT NULL CHECK (agency_uid ~ '^ag-[0-9]{6}$'),
    mandate_id  text NOT NULL CHECK (length(mandate_id) <= 60),
    actor       jsonb NOT NULL,
    method      text NOT NULL CHECK (method IN ('card_shown', 'vneid_shown', 'paper_shown')),
    checked_at  timestamptz NOT NULL
);
CREATE INDEX officer_check_subject ON officer_check (subject_id);

CREATE TABLE claims (
    claims_id     uuid PRIMARY KEY,
    subject_id    uuid NOT NULL REFERENCES citizen,
    dossier_uid   uuid NOT NULL,
    party_uid     uuid NOT NULL,
    source        text NOT NULL CHECK (source IN ('vneid', 'officer_check')),
    login_id      uuid UNIQUE,
    check_id      uuid UNIQUE,
    state         text NOT NULL CHECK (state IN ('held', 'collectable', 'collected', 'discarded')),
    attributes    text[] NOT NULL CHECK (cardinality(attributes) > 0),
    granted       text[] NOT NULL CHECK (granted <@ attributes),
    salt          bytea NOT NULL CHECK (length(salt) = 16),
    digest        text CHECK (digest ~ '^[0-9a-f]{64}$'),
    acr           text CHECK (length(acr) <= 60),
    account_level smallint CHECK (account_level BETWEEN 1 AND 2),
    verified_at   timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    CHECK ((source = 'vneid') = (login_id IS NOT NULL)),
    CHECK ((source = 'officer_check') = (check_id IS NOT NULL)),
    CHECK (state <> 'held' OR (digest IS NULL AND granted = '{}')),
    CHECK (state NOT IN ('collectable', 'collected') OR (digest IS NOT NULL AND granted <> '{}'))
);
CREATE INDEX claims_party ON claims (dossier_uid, party_uid, subject_id);
CREATE INDEX claims_due ON claims (until) WHERE state IN ('held', 'collectable');

-- A value is a row, so that dropping it is deleting it.
CREATE TABLE claim_value (
    claims_id  uuid NOT NULL REFERENCES claims,
    attribute  text NOT NULL CHECK (attribute ~ '^[a-z]+\.[a-z_]+$' AND length(attribute) <= 60),
    subject_id uuid NOT NULL,
    sealed     bytea NOT NULL CHECK (length(sealed) BETWEEN 29 AND 10000),
    PRIMARY KEY (claims_id, attribute)
);

-- What consent has granted for a party, by its events: an officer who looks again need not ask again.
CREATE TABLE release_grant (
    grant_id    uuid PRIMARY KEY,
    version     int NOT NULL CHECK (version > 0),
    subject_id  uuid NOT NULL,
    dossier_uid uuid NOT NULL,
    party_uid   uuid NOT NULL,
    attributes  text[] NOT NULL,
    standing    boolean NOT NULL,
    valid_until timestamptz  -- null: as long as its rule
);
CREATE INDEX release_grant_party ON release_grant (dossier_uid, party_uid, subject_id);
