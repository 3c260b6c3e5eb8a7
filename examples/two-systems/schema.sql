-- What the ledger and the sales system share, with a few records to try things with.

CREATE TABLE companies (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE contacts (
  id TEXT PRIMARY KEY, company TEXT REFERENCES companies, name TEXT NOT NULL, phone TEXT, status TEXT NOT NULL DEFAULT 'active'
);

INSERT INTO companies VALUES ('ACME', 'Acme Ltd'), ('BOLT', 'Bolt AG');
INSERT INTO contacts (id, company, name, phone) VALUES
  ('C-1', 'ACME', 'Ann Keller', '1'), ('C-2', 'ACME', 'Ben Meier', '2'), ('C-3', 'BOLT', 'Cora Frei', '3');
