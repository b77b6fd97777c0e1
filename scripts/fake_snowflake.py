"""A server that speaks Snowflake's HTTP protocol over DuckDB: fakesnow, with answers for the statements that it cannot do.

    pip install 'fakesnow[server]==0.12.1' 'snowflake-connector-python<5'
    python scripts/fake_snowflake.py --port 8765 [--log FILE]

It holds everything in memory and checks no password. `--log` keeps one JSON line per statement: the session, the text, and how it
was answered. Statements about sessions, grants, roles, warehouses, tags and policies are answered and change nothing; dynamic
tables are kept as tables; temporary tables are kept as tables; every statement commits by itself.
"""

import argparse
import gzip
import json
import re
import threading
from pathlib import Path

import fakesnow.arrow
import pyarrow
import uvicorn
from fakesnow.server import app as fakesnow_app

STATUS = "select 'Statement executed successfully.' as \"status\""

# Nothing to do, whatever they say.
NOTHING = [
    r"alter session\b",
    r"alter (table|view|dynamic table|iceberg table) \S+ (suspend|resume|cluster by|refresh|set|unset|modify|add row access|"
    r"alter column \S+ (set|unset) (masking|tag))\b",
    r"alter (table|view)( if exists)? \S+ alter\b.*\bcomment\b",
    r"alter (warehouse|role|user|account|schema|database)\b",
    r"alter dynamic table\b",
    r"(grant|revoke)\b",
    r"use (secondary roles|role|warehouse)\b",
    r"(begin|commit|rollback|start transaction)\b",
    r"create (or replace )?(row access policy|masking policy|tag|warehouse|role|function|procedure)\b",
    r"drop (row access policy|masking policy|tag|warehouse|role|function|procedure)\b",
    r"comment( if exists)? on\b",
    r"(with \w+ as procedure|call)\b",
    r"put\b.*\bfile://\S*missing",
]

EMPTY = {
    r"show grants\b": ["created_on", "privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by"],
    r"show (user )?functions\b": ["created_on", "name", "schema_name", "arguments", "description", "catalog_name"],
}



class Arrow:
    """pyarrow for fakesnow, which says that the parts of a timestamp are never null, and sends nulls."""

    def __getattr__(self, name):
        return getattr(pyarrow, name)

    @staticmethod
    def field(*given, nullable=True, **named):
        return pyarrow.field(*given, **named)


fakesnow.arrow.pa = Arrow()

_IDENT = r'("[^"]+"|[\w$]+)'
_NAME = rf"{_IDENT}(\s*\.\s*{_IDENT})*"
# Clauses between a relation's name and its query which DuckDB has no use for.
_CLAUSE = re.compile(
    r"""\b(
      target_lag\s*=\s*('[^']*'|\w+)
    | (refresh_)?warehouse\s*=\s*\S+
    | (initialization_warehouse|scheduler|refresh_mode|initialize|external_volume|catalog|base_location|catalog_sync
       |storage_serialization_policy|data_retention_time_in_days|max_data_extension_time_in_days|change_tracking
       |enable_schema_evolution|target_file_size|iceberg_version)\s*=\s*('[^']*'|\S+)
    | immutable\s+where\s*\(([^()]|\([^()]*\))*\)
    | cluster\s+by\s*\(([^()]|\([^()]*\))*\)
    | (with\s+)?row\s+access\s+policy\s+\S+\s+on\s*\([^)]*\)
    | (with\s+)?tag\s*\([^)]*\)
    | (with\s+)?masking\s+policy\s+[\w."]+(\s+using\s*\([^)]*\))?
    | require\s+user
    | comment\s*=\s*('([^']|'')*'|\$\$.*?\$\$)
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


class DynamicTables:
    """What SHOW DYNAMIC TABLES tells: kept from the CREATE and ALTER statements."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tables = {}

    @staticmethod
    def key(name):
        return [part.strip().strip('"').upper() for part in name.split(".")][-3:]

    def create(self, name, head, query):
        def setting(key):
            found = re.search(rf"\b{key}\s*=\s*('[^']*'|\S+)", head, re.IGNORECASE)
            return found.group(1).strip("'").rstrip(",") if found else ""

        clustered = re.search(r"\bcluster\s+by\s*\(([^)]*)\)", head, re.IGNORECASE)
        keys = f"LINEAR({clustered.group(1).upper()})" if clustered else ""
        database, schema, table = self.key(name)
        with self.lock:
            self.tables[(database, schema, table)] = {
                "name": table,
                "schema_name": schema,
                "database_name": database,
                "text": query,
                "target_lag": setting("target_lag"),
                "warehouse": setting("warehouse").upper(),
                "refresh_mode": setting("refresh_mode").upper() or "AUTO",
                "immutable_where": "",
                "cluster_by": keys,
                "scheduling_state": "ACTIVE",
            }

    def alter(self, name, text):
        table = self.tables.get(tuple(self.key(name)))
        for key in ("target_lag", "warehouse"):
            found = re.search(rf"\b{key}\s*=\s*('[^']*'|\S+)", text, re.IGNORECASE)
            if table and found:
                table[key] = found.group(1).strip("'").upper() if key == "warehouse" else found.group(1).strip("'")

    def drop(self, name):
        with self.lock:
            self.tables.pop(tuple(self.key(name)), None)

    def objects(self, like, database, schema):
        """SHOW OBJECTS that tells dynamic tables from others."""
        names = [literal(name) for (_, _, name) in self.tables] or ["''"]
        where = f"and table_name ilike {literal(like)}" if like else ""
        return f"""
            select current_timestamp as "created_on", table_name as "name", table_catalog as "database_name",
                table_schema as "schema_name", iff(table_type = 'VIEW', 'VIEW', 'TABLE') as "kind", '' as "comment",
                '' as "cluster_by", 0 as "rows", 0 as "bytes", 'SYSADMIN' as "owner", '1' as "retention_time", 'ROLE' as "owner_role_type",
                iff(table_name in ({", ".join(names)}), 'Y', 'N') as "is_dynamic", 'N' as "is_iceberg"
            from (
                select table_name, table_catalog, table_schema, table_type from {database}.information_schema.tables
                where table_type <> 'VIEW'
                union all
                select table_name, table_catalog, table_schema, 'VIEW' from {database}.information_schema.views
            )
            where table_schema = {literal(schema.upper().strip('"'))} {where}
            order by table_name"""

    def show(self, like):
        columns = ["name", "schema_name", "database_name", "text", "target_lag", "warehouse", "refresh_mode", "immutable_where",
                   "cluster_by", "scheduling_state"]
        rows = [table for table in self.tables.values() if like is None or table["name"] == like.upper()]
        return rows_as_query(columns, rows)


def literal(value):
    return "'" + str(value).replace("'", "''") + "'"


def rows_as_query(columns, rows):
    def select(row):
        return "select " + ", ".join(f'{literal(row.get(column, ""))} as "{column}"' for column in columns)

    if not rows:
        return select({}) + " where 1 = 0"
    return " union all ".join(select(row) for row in rows)


def without_comments(sql):
    return re.sub(r"/\*.*?\*/", " ", re.sub(r"--[^\n]*", " ", sql), flags=re.DOTALL).strip().rstrip(";").strip()


def qualified_values(merge):
    """DuckDB wants to know whose columns are inserted."""

    def qualify(found):
        names = re.split(r"\s*,\s*", found.group(2).strip())
        if not all(re.fullmatch(_IDENT, name) for name in names):
            return found.group(0)
        return found.group(1) + "(" + ", ".join("DBT_INTERNAL_SOURCE." + name for name in names) + ")"

    return re.sub(r"(\bvalues\s*)\(([^()]*)\)\s*$", qualify, merge, flags=re.IGNORECASE)


class Shim:
    def __init__(self, log):
        self.log_file = open(log, "a", encoding="utf-8") if log else None
        self.dynamic = DynamicTables()
        self.stages = {}
        self.lock = threading.Lock()
        self.sessions = {}

    def log(self, token, sql, how):
        if self.log_file is None:
            return
        with self.lock:
            session = self.sessions.setdefault(token, len(self.sessions) + 1)
            self.log_file.write(json.dumps({"session": session, "how": how, "sql": sql}) + "\n")
            self.log_file.flush()

    def rewritten(self, sql):
        """The statement for fakesnow, and whether it is the client's own."""
        plain = re.sub(r"\s+", " ", without_comments(sql))
        for pattern in NOTHING:
            if re.match(pattern, plain, re.IGNORECASE):
                altered = re.match(rf"alter dynamic table ({_NAME})", plain, re.IGNORECASE)
                if altered:
                    self.dynamic.alter(altered.group(1), plain)
                return STATUS, "nothing"
        for pattern, columns in EMPTY.items():
            if re.match(pattern, plain, re.IGNORECASE):
                return rows_as_query(columns, []), "empty"
        if re.match(r"show parameters\b", plain, re.IGNORECASE):
            return rows_as_query(["key", "value", "default", "level"], [{"key": "QUERY_TAG"}]), "empty"
        if re.match(r"show dynamic tables\b", plain, re.IGNORECASE):
            like = re.search(r"like '([^']*)'", plain, re.IGNORECASE)
            return self.dynamic.show(like.group(1) if like else None), "dynamic"
        dropped = re.match(rf"drop (?:dynamic )?table(?: if exists)? ({_NAME})", plain, re.IGNORECASE)
        if dropped:
            self.dynamic.drop(dropped.group(1))
            return f"drop table if exists {dropped.group(1)}", "changed"
        if re.match(r"create (or (replace|alter) )?(transient |temporary |temp |secure |dynamic |iceberg )*(table|view)\b", plain, re.IGNORECASE):
            return self.creation(plain, sql)
        shown = re.match(
            rf"show (?:terse )?objects(?: like '([^']*)')?(?: in(?: schema)?) ({_IDENT})\s*\.\s*({_IDENT})", plain, re.IGNORECASE
        )
        if shown:
            return self.dynamic.objects(shown.group(1), shown.group(2), shown.group(4)), "changed"
        stage = re.match(rf"create (?:or replace )?stage(?: if not exists)? ({_NAME})", plain, re.IGNORECASE)
        if stage:
            url = re.search(r"\burl = ?'file://([^']*)'|\burl='file://([^']*)'", plain, re.IGNORECASE)
            self.stages[stage.group(1).upper()] = (url.group(1) or url.group(2)) if url else None
        copied = re.search(rf"^copy into .* from @({_NAME})(/\S*)?", plain, re.IGNORECASE)
        if copied:
            return self.copy_of_files(sql, copied), "changed"
        if re.match(r"merge into\b", plain, re.IGNORECASE):
            return qualified_values(without_comments(sql)), "changed"
        if re.match(r"select current_warehouse\(\)", plain, re.IGNORECASE):
            return "select 'SMALL' as \"WAREHOUSE\"", "changed"
        if re.match(r"alter iceberg table\b", plain, re.IGNORECASE):
            return re.sub(r"alter iceberg", "alter", plain, count=1, flags=re.IGNORECASE), "changed"
        return sql, "as is"

    def copy_of_files(self, sql, copied):
        """COPY INTO with the files under a stage named: fakesnow looks into one folder alone, and knows no PATTERN."""
        folder = self.stages.get(copied.group(1).upper())
        sql = re.sub(r"\bmetadata\$filename\b", "filename", sql, flags=re.IGNORECASE)
        pattern = re.search(r"\bpattern\s*=\s*'([^']*)'", sql, re.IGNORECASE)
        if not folder:
            return sql
        root = Path(folder) / (copied.group(len(copied.groups())) or "").strip("/")
        files = [str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()]
        if pattern:
            files = [name for name in files if re.fullmatch(pattern.group(1), name)]
            sql = sql.replace(pattern.group(0), "")
        names = ", ".join(literal(name) for name in files)
        return without_comments(sql) + f" files = ({names})"

    def creation(self, plain, sql):
        text = without_comments(sql)
        head = re.match(rf"(create\b.*?\b(?:table|view)(?: if not exists)?)\s+({_NAME})", text, re.IGNORECASE | re.DOTALL)
        kind, name = re.sub(r"\s+", " ", head.group(1)), head.group(2)
        rest = text[head.end():]
        begins = re.search(r"\bas\s*[(\s]", rest, re.IGNORECASE)
        clauses, query = (rest[: begins.start()], rest[begins.start():]) if begins else (rest, "")
        if " dynamic " in kind.lower() and query:
            self.dynamic.create(name, clauses, query[2:].strip())
        simpler = re.sub(r"\b(transient|temporary|temp|secure|dynamic|iceberg) ", "", kind, flags=re.IGNORECASE)
        simpler = re.sub(r"or alter", "or replace", simpler, flags=re.IGNORECASE)
        clauses = re.sub(r"\bcopy grants\b", " ", _CLAUSE.sub(" ", clauses), flags=re.IGNORECASE)
        if "table" in kind.lower() and query:
            clauses = re.sub(r"^\s*\(.*\)\s*$", " ", clauses, flags=re.DOTALL)
        new = f"{simpler} {name} {clauses} {query}"
        return (new, "changed") if re.sub(r"\s+", " ", new).strip() != plain else (sql, "as is")

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != "/queries/v1/query-request":
            await fakesnow_app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        request = json.loads(body)
        sql = request["sqlText"]
        request["sqlText"], how = self.rewritten(sql)
        self.log(headers.get(b"authorization", b"").decode(), sql, how)
        body = json.dumps(request).encode()
        headers.pop(b"content-encoding", None)
        headers[b"content-length"] = str(len(body)).encode()
        sent = False

        async def new_receive():
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await fakesnow_app({**scope, "headers": list(headers.items())}, new_receive, send)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=8765)
    arguments.add_argument("--log", help="a file that gets one JSON line per statement")
    given = arguments.parse_args()
    uvicorn.run(Shim(given.log), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
