-- One-time codes: how often the tries were used up and begun anew. After a number of them the codes rest until another
-- person lets them be tried again.
ALTER TABLE one_time_code ADD COLUMN locks BIGINT NOT NULL DEFAULT 0;
