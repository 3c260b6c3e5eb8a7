-- The database of a small trading company, with a few records to try things with.

CREATE TABLE products (article TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE prices (article TEXT PRIMARY KEY REFERENCES products, cents INTEGER NOT NULL);
CREATE TABLE stock (article TEXT PRIMARY KEY REFERENCES products, pieces INTEGER NOT NULL);
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, city TEXT, owner TEXT);
CREATE TABLE visits (
  id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT NOT NULL REFERENCES customers, day TEXT NOT NULL, note TEXT
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT NOT NULL REFERENCES customers, taken_by TEXT NOT NULL,
  submitted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE order_lines (
  id INTEGER PRIMARY KEY AUTOINCREMENT, "order" INTEGER NOT NULL REFERENCES orders, article TEXT NOT NULL REFERENCES products,
  pieces INTEGER NOT NULL
);

INSERT INTO products VALUES ('NAIL', 'Nails, a box'), ('SCREW', 'Screws, a box');
INSERT INTO prices VALUES ('NAIL', 250), ('SCREW', 400);
INSERT INTO stock VALUES ('NAIL', 100), ('SCREW', 60);
INSERT INTO customers VALUES ('ACME', 'Acme Ltd', '1', 'Bern', 'anna'), ('BOLT', 'Bolt AG', '2', 'Basel', 'bert');
INSERT INTO visits VALUES (1, 'ACME', '2026-11-02', 'Met Ms Keller.
Wants a price list.
Has a new warehouse.
Next visit in December.');
