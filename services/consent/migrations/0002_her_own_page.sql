-- What a citizen sees behind her own login: who used her data. Fed by the events of reuse and identity; no values here.

CREATE TABLE data_use (
    event_id    uuid PRIMARY KEY,
    subject_id  uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN
                ('logged_in', 'identified', 'looked_up', 'released', 'withheld', 'deposited', 'deleted')),
    at          timestamptz NOT NULL,
    agency_uid  text,
    agency_name text,
    actor_kind  text,
    position    text,          -- never the officer's reference: that is for auditors under a case number
    attributes  text[] NOT NULL DEFAULT '{}',
    dossier_uid uuid,
    release_id  text,
    replay      boolean NOT NULL DEFAULT false,
    grant_ids   uuid[] NOT NULL DEFAULT '{}',
    note        text           -- outcome of a look-up, reason of a withholding or a deletion
);
CREATE INDEX data_use_subject ON data_use (subject_id, at DESC);
CREATE INDEX data_use_release ON data_use (release_id) WHERE release_id IS NOT NULL;

-- The officers' verdicts come with their dossier as key, in any order towards the releases they are about.
CREATE TABLE verdict (
    verdict_id  text PRIMARY KEY,
    release_id  text,
    dossier_uid uuid NOT NULL,
    accepted    boolean NOT NULL,
    at          timestamptz NOT NULL,
    agency_name text NOT NULL,
    position    text
);
CREATE INDEX verdict_release ON verdict (release_id) WHERE release_id IS NOT NULL;

-- Her own login: an OAuth transaction under way, then a session. Only hashes of what her browser holds.
CREATE TABLE login_flow (
    state_hash    bytea PRIMARY KEY CHECK (length(state_hash) = 32),
    browser_hash  bytea NOT NULL CHECK (length(browser_hash) = 32),
    code_verifier text NOT NULL CHECK (length(code_verifier) BETWEEN 43 AND 128),
    expires_at    timestamptz NOT NULL
);
CREATE TABLE session (
    session_hash bytea PRIMARY KEY CHECK (length(session_hash) = 32),
    subject_id   uuid NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX session_expiry ON session (expires_at);
