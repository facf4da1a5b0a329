-- The log: events as they came, the leaves they became, the tree over the leaves, and the checkpoints signed of it.
-- Proofs need only leaf, tile and checkpoint; what may be erased for one person lies in entry alone.

CREATE TABLE entry (
    arrived     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text NOT NULL CHECK (length(source) BETWEEN 1 AND 40),
    sequence    bigint NOT NULL CHECK (sequence > 0),
    event_id    uuid NOT NULL UNIQUE,
    type        text NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
    time        timestamptz NOT NULL,
    subject_id  uuid,            -- whose event this is, so that erasing her finds it
    dossier_uid uuid,
    digest      bytea NOT NULL CHECK (length(digest) = 32),   -- of the canonical bytes without signature
    canonical   bytea,           -- with salt and signature: null once erased
    signature   bytea,
    kid         text,
    salt        bytea,
    leaf_index  bigint UNIQUE CHECK (leaf_index >= 0),        -- null until the sequencer takes it
    UNIQUE (source, sequence),
    CHECK ((canonical IS NULL) = (salt IS NULL) AND (canonical IS NULL) = (signature IS NULL))
);
CREATE INDEX entry_unsequenced ON entry (arrived) WHERE leaf_index IS NULL;
CREATE INDEX entry_time ON entry (time, arrived);
CREATE INDEX entry_type ON entry (type, time);
CREATE INDEX entry_dossier ON entry (dossier_uid, time) WHERE dossier_uid IS NOT NULL;
CREATE INDEX entry_subject ON entry (subject_id) WHERE subject_id IS NOT NULL;

CREATE TABLE leaf (
    index     bigint PRIMARY KEY CHECK (index >= 0),
    source    text NOT NULL,
    sequence  bigint NOT NULL,
    canonical bytea NOT NULL CHECK (length(canonical) <= 65535),
    UNIQUE (source, sequence)
);

-- C2SP tlog-tiles: up to 256 hashes of 32 bytes; level 0 holds leaf hashes, each level above the roots of full tiles.
CREATE TABLE tile (
    level  int NOT NULL CHECK (level >= 0),
    index  bigint NOT NULL CHECK (index >= 0),
    hashes bytea NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (level, index)
);

CREATE TABLE checkpoint (
    size      bigint PRIMARY KEY CHECK (size > 0),
    root      bytea NOT NULL CHECK (length(root) = 32),
    note      text NOT NULL,     -- the signed note, as published
    signed_at timestamptz NOT NULL
);

-- Each source's newest signed watermark per partition that the newest checkpoint covers.
CREATE TABLE covered_watermark (
    source    text NOT NULL,
    partition int NOT NULL,
    canonical bytea NOT NULL,
    signature bytea NOT NULL,
    kid       text NOT NULL,
    PRIMARY KEY (source, partition)
);

-- How far each source's numbers lie in the tree without a hole.
CREATE TABLE sealed (
    source   text PRIMARY KEY,
    sequence bigint NOT NULL CHECK (sequence >= 0)
);
