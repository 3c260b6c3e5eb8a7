DROP INDEX customers_by_country;
