-- What every service keeps to send events that are never lost, and to take in those of others exactly once.

-- Out -----------------------------------------------------------------------------------------------------------------

CREATE TABLE outbox (
  position     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id     uuid        NOT NULL UNIQUE,
  type         text        NOT NULL CHECK (type ~ '^[a-z]+\.[a-z0-9-]+\.v[0-9]+$' AND length(type) <= 100),
  key          text        NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
  time         timestamptz NOT NULL,
  data         jsonb       NOT NULL CHECK (jsonb_typeof(data) = 'object'),
  traceparent  text        CHECK (length(traceparent) <= 55),
  -- set once, together, by the relay
  sequence     bigint      UNIQUE CHECK (sequence > 0),
  partition    integer     CHECK (partition >= 0),
  previous     bigint      CHECK (previous >= 0 AND previous < sequence),
  canonical    bytea,
  signature    bytea       CHECK (length(signature) = 64),
  kid          text        CHECK (length(kid) <= 100),
  numbered_at  timestamptz,
  -- acknowledged by the broker; sealed in the log
  published_at timestamptz CHECK (published_at IS NULL OR sequence IS NOT NULL),
  sealed_at    timestamptz CHECK (sealed_at IS NULL OR sequence IS NOT NULL),
  CHECK (num_nonnulls(sequence, partition, previous, canonical, signature, kid, numbered_at) IN (0, 7))
);
COMMENT ON TABLE outbox IS 'Events committed with the change they tell of. Rows stay, so that readers can be refilled.';

CREATE INDEX outbox_unnumbered ON outbox (position) WHERE sequence IS NULL;
CREATE INDEX outbox_unpublished ON outbox (sequence) WHERE sequence IS NOT NULL AND published_at IS NULL;
CREATE INDEX outbox_unsealed ON outbox (time) WHERE sealed_at IS NULL;
CREATE INDEX outbox_refill ON outbox (partition, sequence);

-- partition -1 counts the numbers of all partitions
CREATE TABLE relay_number (
  partition integer PRIMARY KEY CHECK (partition >= -1),
  last      bigint  NOT NULL CHECK (last >= 0)
);
COMMENT ON TABLE relay_number IS 'The newest number given on each partition (-1: on all of them).';

-- In ------------------------------------------------------------------------------------------------------------------

CREATE TABLE inbox (
  event_id  uuid        PRIMARY KEY,
  source    text        NOT NULL,
  sequence  bigint      NOT NULL,
  digest    bytea       NOT NULL CHECK (length(digest) = 32),
  outcome   text        NOT NULL CHECK (outcome IN ('applied', 'ignored', 'parked')),
  taken_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (source, sequence)
);
COMMENT ON TABLE inbox IS 'Every genuine event taken in: its effect is in the same transaction. Kept longer than topics.';

CREATE TABLE reader_watermark (
  source    text    NOT NULL,
  partition integer NOT NULL CHECK (partition >= 0),
  number    bigint  NOT NULL DEFAULT 0,     -- all events up to here are taken, but for those in reader_gap
  t         timestamptz,                    -- everything the source committed before t is applied here
  last      bigint,
  frozen    boolean NOT NULL DEFAULT false, -- something below number is missing or parked: t must not move
  canonical bytea,
  signature bytea,
  kid       text,
  PRIMARY KEY (source, partition),
  CHECK (num_nonnulls(t, last, canonical, signature, kid) IN (0, 5))
);
COMMENT ON TABLE reader_watermark IS 'How far this service has taken in each partition, and the newest watermark accepted.';

CREATE TABLE reader_gap (
  source    text        NOT NULL,
  partition integer     NOT NULL,
  have      bigint      NOT NULL,
  upto      bigint      NOT NULL,
  seen_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (source, partition, have),
  CHECK (have < upto)
);
COMMENT ON TABLE reader_gap IS 'Missing: what follows number have, up to and including upto.';

CREATE TABLE parked (
  position    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id    uuid        NOT NULL UNIQUE,
  source      text        NOT NULL,
  partition   integer     NOT NULL,
  key         text        NOT NULL,
  type        text        NOT NULL,
  sequence    bigint      NOT NULL,
  previous    bigint      NOT NULL,
  canonical   bytea       NOT NULL,
  signature   bytea       NOT NULL,
  kid         text        NOT NULL,
  traceparent text,
  error       text,                         -- null: nothing wrong with it, an earlier event of its key is parked
  attempts    integer     NOT NULL,
  parked_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX parked_key ON parked (source, key, sequence);
CREATE INDEX parked_partition ON parked (source, partition);
COMMENT ON TABLE parked IS 'Genuine events that could not be applied, and those of the same key behind them, in order.';

CREATE TABLE dead_letter (
  topic        text        NOT NULL,
  partition    integer     NOT NULL,
  kafka_offset bigint      NOT NULL,
  digest       bytea       NOT NULL CHECK (length(digest) = 32),
  reason       text        NOT NULL CHECK (length(reason) <= 200),
  headers      jsonb       NOT NULL,
  value        bytea       NOT NULL,
  received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic, partition, kafka_offset, digest)
);
CREATE INDEX dead_letter_received ON dead_letter (received_at);
COMMENT ON TABLE dead_letter IS 'Messages that no service of ours has signed as they stand: forged or garbage. They move nothing.';

-- What a person must look at ------------------------------------------------------------------------------------------

CREATE TABLE alarm (
  kind      text        NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
  key       text        NOT NULL CHECK (length(key) <= 200),
  detail    jsonb       NOT NULL,
  since     timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (kind, key)
);
COMMENT ON TABLE alarm IS 'Conditions that hold now; the row goes when the condition does.';
