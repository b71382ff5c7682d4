-- One text for SQLite and PostgreSQL: TEXT, BIGINT (milliseconds since 1970, or 0 and 1), partial unique indexes.
-- Nothing in here is a secret: a token's value never reaches the database.

-- Notices and clicks, answered only once they are in here. The key makes a repeated delivery a duplicate.
CREATE TABLE inbox (
    key         TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    ready_at    BIGINT NOT NULL DEFAULT 0,
    tries       BIGINT NOT NULL DEFAULT 0,
    epoch       BIGINT NOT NULL DEFAULT 0,
    done        BIGINT NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
    why         TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX inbox_ready ON inbox (ready_at, received_at) WHERE done = 0;

-- One row a rotation: `body` is the truth, the other columns are taken from it for indexes.
CREATE TABLE rotation (
    id         TEXT   NOT NULL PRIMARY KEY,
    key        TEXT   NOT NULL UNIQUE,
    host       TEXT   NOT NULL,
    token_id   TEXT   NOT NULL,
    token      TEXT   NOT NULL,
    expires_on TEXT   NOT NULL,
    phase      TEXT   NOT NULL CHECK (phase IN ('awaiting_approval', 'scheduled', 'minting', 'distributing',
                                                'verifying', 'grace', 'restoring', 'revoking', 'closing',
                                                'closed', 'stuck')),
    is_open    BIGINT NOT NULL CHECK (is_open IN (0, 1)),
    version    BIGINT NOT NULL,
    opened_at  BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    CHECK ((phase = 'closed') = (is_open = 0))
);
CREATE UNIQUE INDEX rotation_open_token_id ON rotation (host, token_id) WHERE is_open = 1;
CREATE UNIQUE INDEX rotation_open_token ON rotation (token) WHERE is_open = 1;
CREATE INDEX rotation_newest ON rotation (opened_at);
CREATE INDEX rotation_token ON rotation (token);

-- What the world still owes, by lane: a cache of `due`. A row outlives its work, so that epochs only grow.
CREATE TABLE lane (
    rotation    TEXT   NOT NULL REFERENCES rotation (id),
    lane        TEXT   NOT NULL,
    owes        TEXT   NOT NULL,
    due_at      BIGINT,
    not_before  BIGINT,
    poked_at    BIGINT,
    owner       TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    epoch       BIGINT NOT NULL DEFAULT 0,
    tries       BIGINT NOT NULL DEFAULT 0,
    ready_at    BIGINT GENERATED ALWAYS AS (
        CASE
            WHEN due_at IS NULL THEN NULL
            WHEN owner IS NOT NULL THEN lease_until
            WHEN poked_at IS NOT NULL THEN poked_at
            WHEN not_before > due_at THEN not_before
            ELSE due_at
        END
    ) STORED,
    PRIMARY KEY (rotation, lane)
);
CREATE INDEX lane_ready ON lane (ready_at) WHERE ready_at IS NOT NULL;

-- Under which names the world knows a rotation: an issue, a message, a pipeline.
CREATE TABLE reference (
    kind     TEXT NOT NULL,
    value    TEXT NOT NULL,
    rotation TEXT NOT NULL REFERENCES rotation (id),
    PRIMARY KEY (kind, value, rotation)
);

-- What happened. Each line's hash covers the line before it; `digest` covers the row that the line left behind.
CREATE TABLE journal (
    seq      BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    rotation TEXT,
    version  BIGINT,
    digest   TEXT,
    actor    TEXT   NOT NULL,
    event    TEXT   NOT NULL,
    detail   TEXT   NOT NULL,
    hash     TEXT   NOT NULL
);
CREATE INDEX journal_rotation ON journal (rotation, seq);

-- The end of the chain; its lock puts the lines of all writers in one order.
CREATE TABLE journal_head (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);
INSERT INTO journal_head (id, seq, hash) VALUES (1, 0, '');

-- Whose turn it is to do what only one replica should do.
CREATE TABLE turn (
    name    TEXT   NOT NULL PRIMARY KEY,
    next_at BIGINT NOT NULL
);

-- What was told once and should not be told again.
CREATE TABLE told (
    key TEXT   NOT NULL PRIMARY KEY,
    at  BIGINT NOT NULL
);
