-- What is believed is sealed with a key that the database does not hold: each line of the journal and its end, and what
-- waits in the inbox. Rotations, held logins and one-time codes are sealed by the last line that tells of them.
ALTER TABLE journal ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE journal_head ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN seal TEXT NOT NULL DEFAULT '';
