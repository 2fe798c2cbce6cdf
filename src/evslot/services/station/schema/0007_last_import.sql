-- What the last import said of a station and did to it (domain/claims.py, LastImport), so that the
-- next one tells what its record changed from what an operator did. Null: never imported, or
-- before this was kept. json and not jsonb: it is read as a whole, and holds ids that are anything.
alter table station add column last_import json;
