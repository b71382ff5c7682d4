-- One-time codes (TOTP), one row a person. `secret` and `offered` are sealed with the key of the configuration; without
-- it they are noise. A code counts once: `last_step` only grows, and `last_key` lets the same request be repeated.
CREATE TABLE one_time_code (
    person      TEXT   NOT NULL PRIMARY KEY,
    secret      TEXT   NOT NULL DEFAULT '',
    enrolled_at BIGINT NOT NULL DEFAULT 0,
    offered     TEXT   NOT NULL DEFAULT '',
    offered_at  BIGINT NOT NULL DEFAULT 0,
    last_step   BIGINT NOT NULL DEFAULT 0,
    last_key    TEXT   NOT NULL DEFAULT '',
    tries       BIGINT NOT NULL DEFAULT 0,
    tries_since BIGINT NOT NULL DEFAULT 0
);
