CREATE INDEX customers_by_country ON customers (country);
