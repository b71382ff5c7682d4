-- Which GitLab account bore the login of somebody in the configuration when we first looked. Logins change hands: whoever
-- takes one that became free is not the person who is meant.
CREATE TABLE login (
    host    TEXT   NOT NULL,
    login   TEXT   NOT NULL,
    account BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (host, login)
);
