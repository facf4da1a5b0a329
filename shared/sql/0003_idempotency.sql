-- What clients asked under an Idempotency-Key, and what they were answered, for a day.
-- The key is kept as its hash and the request as a hash keyed by the key, so that neither can be guessed from here;
-- answers kept here hold ids, codes and times, nobody's data (ADR 0010).
CREATE TABLE idempotency (
    client_id     text        NOT NULL CHECK (length(client_id) BETWEEN 1 AND 100),
    key_hash      bytea       NOT NULL CHECK (length(key_hash) = 32),
    fingerprint   bytea       NOT NULL CHECK (length(fingerprint) = 32),
    asked_at      timestamptz NOT NULL,
    status        smallint    CHECK (status BETWEEN 200 AND 299),
    answer        bytea       CHECK (length(answer) <= 1048576),
    -- only where the work is more than one transaction: until then somebody is at it
    claimed_until timestamptz,
    PRIMARY KEY (client_id, key_hash),
    CHECK (num_nonnulls(status, answer) IN (0, 2)),
    CHECK ((answer IS NULL) = (claimed_until IS NOT NULL))
);
CREATE INDEX idempotency_asked_at ON idempotency (asked_at);
COMMENT ON TABLE idempotency IS 'Answers to repeat, written in the transaction of the effect they tell of.';
