-- How far samples are sealed, and the samples that came too late for that.

-- closed: samples before this time go to late_sample, so that those in `sample` before it stay as they are while they
-- are being sealed; sealed: those in `sample` before it are in sealed files, and are not read here any more;
-- late_sealed: the same for late_sample, up to this seq.
CREATE TABLE sample_mark (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO sample_mark (name, value) VALUES ('closed', 0), ('sealed', 0), ('late_sealed', 0);

-- In order of arrival; the later of two for one series and time counts, and any of them more than what is sealed.
CREATE TABLE late_sample (
  seq       INTEGER PRIMARY KEY,
  ts        INTEGER NOT NULL,
  series_id INTEGER NOT NULL,
  value     REAL    NOT NULL
);
