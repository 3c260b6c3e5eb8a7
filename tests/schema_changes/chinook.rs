//! A real database: a new column, a renamed one, a dropped table and a new table with data, while two sites edit offline.
