-- What may be used once: DPoP proofs, client and service assertions, tickets. Shared by all replicas, survives restarts.
CREATE TABLE replay (
    kind       text        NOT NULL CHECK (kind ~ '^[a-z_]{1,32}$'),
    key        text        NOT NULL CHECK (length(key) BETWEEN 1 AND 300),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX replay_expires_at ON replay (expires_at);
