-- When the last holder's lease ran out that was never given back: what it had sent may land a little later.
ALTER TABLE lane ADD COLUMN lapsed_at BIGINT NOT NULL DEFAULT 0;
