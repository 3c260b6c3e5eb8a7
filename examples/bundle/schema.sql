CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, country TEXT REFERENCES countries);
CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE shortcuts (key TEXT PRIMARY KEY, screen TEXT NOT NULL);
INSERT INTO countries VALUES ('CH', 'Schweiz');
INSERT INTO customers VALUES ('ACME', 'Acme Ltd', 'CH');
