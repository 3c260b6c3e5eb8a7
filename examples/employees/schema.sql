-- Employees, as both systems have them, with a few records to try things with.

CREATE TABLE employees (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, department TEXT, room TEXT);

INSERT INTO employees VALUES
  ('E-1', 'Ann Keller', '11', 'Sales', '101'), ('E-2', 'Ben Meier', '12', 'Stores', '001'), ('E-3', 'Cora Frei', '13', 'Sales', '102');
