"""The database: tables, pragmas, migrations, and the queries of each table in one place."""
