-- The databases for runs, users and studies, and the role that may use the studies only; makes what is missing.
-- Read by PostgreSQL's image at its first start, by `serve.py --create` and by restore.py.
\set ON_ERROR_STOP on
\getenv runs POSTGRES_DATABASE
\getenv password STUDIES_PASSWORD
\set users :runs '_auth'
\set studies :runs '_studies'

SELECT format('CREATE ROLE %I LOGIN', :'studies')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'studies') \gexec
ALTER ROLE :"studies" PASSWORD :'password';
GRANT :"studies" TO CURRENT_USER;

SELECT format('CREATE DATABASE %I ENCODING ''UTF8'' TEMPLATE template0', name)
  FROM (VALUES (:'runs'), (:'users')) AS wanted (name)
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'studies', :'studies')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'studies') \gexec

REVOKE ALL ON DATABASE :"runs", :"users", :"studies" FROM PUBLIC;
