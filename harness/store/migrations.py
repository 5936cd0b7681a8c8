"""The schema of our own tables, as numbered migrations: append only, forward only.

Types are those that SQLite and PostgreSQL both understand. `*_at` columns are seconds since the Unix
epoch: BIGINT where they are whole slots of a schedule, DOUBLE PRECISION where they are moments.
Standard library only: fast commands ask for the newest number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "the first slice: schedule, ledger, runs, outbox",
        (
            """
            CREATE TABLE job_state (
                job_id TEXT PRIMARY KEY,
                schedule TEXT NOT NULL,
                known_since BIGINT NOT NULL,
                planned_until BIGINT NOT NULL,
                next_due BIGINT
            )
            """,
            "CREATE INDEX job_state_next_due ON job_state (next_due)",
            """
            CREATE TABLE fire (
                job_id TEXT NOT NULL,
                due_at BIGINT NOT NULL,
                kind TEXT NOT NULL,
                state TEXT NOT NULL,
                reason TEXT NOT NULL DEFAULT '',
                run_id TEXT,
                owner TEXT,
                created_at DOUBLE PRECISION NOT NULL,
                closed_at DOUBLE PRECISION,
                artifact TEXT,
                items INTEGER,
                gaps INTEGER,
                PRIMARY KEY (job_id, due_at)
            )
            """,
            "CREATE INDEX fire_due_at ON fire (due_at)",
            "CREATE INDEX fire_open ON fire (state) WHERE closed_at IS NULL",
            """
            CREATE TABLE run (
                id TEXT PRIMARY KEY,
                job_id TEXT NOT NULL,
                agent TEXT NOT NULL,
                lane TEXT NOT NULL,
                kind TEXT NOT NULL,
                due_at BIGINT NOT NULL,
                state TEXT NOT NULL,
                inputs TEXT NOT NULL,
                options TEXT NOT NULL,
                workflow_version INTEGER NOT NULL,
                owner TEXT,
                created_at DOUBLE PRECISION NOT NULL,
                started_at DOUBLE PRECISION,
                ended_at DOUBLE PRECISION,
                stop TEXT,
                prompt_sha256 TEXT,
                manifest TEXT,
                outcome TEXT
            )
            """,
            "CREATE UNIQUE INDEX run_one_per_agent ON run (agent) WHERE state = 'running' AND lane = 'agent'",
            "CREATE INDEX run_state ON run (state, created_at)",
            "CREATE INDEX run_job ON run (job_id, due_at)",
            """
            CREATE TABLE node (
                executor_id TEXT PRIMARY KEY,
                pid INTEGER NOT NULL,
                host TEXT NOT NULL,
                workflow_version INTEGER NOT NULL,
                started_at DOUBLE PRECISION NOT NULL,
                heartbeat_at DOUBLE PRECISION NOT NULL
            )
            """,
            """
            CREATE TABLE outbox (
                id TEXT PRIMARY KEY,
                run_id TEXT NOT NULL,
                channel TEXT NOT NULL,
                digest TEXT NOT NULL,
                state TEXT NOT NULL,
                attempts INTEGER NOT NULL DEFAULT 0,
                next_try_at DOUBLE PRECISION NOT NULL,
                created_at DOUBLE PRECISION NOT NULL,
                acknowledged_at DOUBLE PRECISION,
                receipt TEXT,
                last_error TEXT
            )
            """,
            "CREATE INDEX outbox_pending ON outbox (next_try_at) WHERE state = 'pending'",
            "CREATE INDEX outbox_run ON outbox (run_id)",
            """
            CREATE TABLE incident (
                cause TEXT NOT NULL,
                first_at DOUBLE PRECISION NOT NULL,
                last_at DOUBLE PRECISION NOT NULL,
                message TEXT NOT NULL,
                occurrences INTEGER NOT NULL,
                run_id TEXT,
                resolved_at DOUBLE PRECISION,
                PRIMARY KEY (cause, first_at)
            )
            """,
            "CREATE UNIQUE INDEX incident_open ON incident (cause) WHERE resolved_at IS NULL",
            """
            CREATE TABLE usage (
                run_id TEXT NOT NULL,
                call_id TEXT NOT NULL,
                agent TEXT NOT NULL,
                job_id TEXT NOT NULL,
                model TEXT NOT NULL,
                input_tokens INTEGER NOT NULL,
                cached_tokens INTEGER NOT NULL,
                output_tokens INTEGER NOT NULL,
                cost_usd DOUBLE PRECISION NOT NULL,
                at DOUBLE PRECISION NOT NULL,
                PRIMARY KEY (run_id, call_id)
            )
            """,
            "CREATE INDEX usage_at ON usage (at)",
            """
            CREATE TABLE source_health (
                source TEXT PRIMARY KEY,
                last_ok_at DOUBLE PRECISION,
                last_failed_at DOUBLE PRECISION,
                failures_in_a_row INTEGER NOT NULL DEFAULT 0,
                problem TEXT NOT NULL DEFAULT ''
            )
            """,
            """
            CREATE TABLE source_cache (
                url TEXT PRIMARY KEY,
                etag TEXT,
                last_modified TEXT,
                items TEXT NOT NULL,
                fetched_at DOUBLE PRECISION NOT NULL
            )
            """,
            """
            CREATE TABLE seen_item (
                job_id TEXT NOT NULL,
                url TEXT NOT NULL,
                delivered_at DOUBLE PRECISION NOT NULL,
                PRIMARY KEY (job_id, url)
            )
            """,
        ),
    ),
    Migration(
        2,
        "months: attempts, pauses, conditions, nodes that come and go, alerts, circuit breakers",
        (
            "ALTER TABLE job_state ADD COLUMN failures_in_a_row INTEGER NOT NULL DEFAULT 0",
            """
            CREATE TABLE identity (
                name TEXT PRIMARY KEY,
                value TEXT NOT NULL
            )
            """,
            """
            CREATE TABLE pause (
                scope TEXT PRIMARY KEY,
                paused_by TEXT NOT NULL,
                reason TEXT NOT NULL,
                paused_at DOUBLE PRECISION NOT NULL,
                is_automatic INTEGER NOT NULL DEFAULT 0
            )
            """,
            """
            CREATE TABLE condition_state (
                job_id TEXT PRIMARY KEY,
                state TEXT NOT NULL,
                run_id TEXT NOT NULL,
                due_at BIGINT NOT NULL,
                committed_at DOUBLE PRECISION NOT NULL
            )
            """,
            "ALTER TABLE run ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1",
            "ALTER TABLE run ADD COLUMN priority INTEGER NOT NULL DEFAULT 1",
            "ALTER TABLE run ADD COLUMN not_before DOUBLE PRECISION",
            "ALTER TABLE run ADD COLUMN deadline_at DOUBLE PRECISION",
            "ALTER TABLE run ADD COLUMN node TEXT",
            "ALTER TABLE run ADD COLUMN source_run TEXT",
            "ALTER TABLE run ADD COLUMN cancel_reason TEXT",
            """
            CREATE TABLE restoration (
                restored_at DOUBLE PRECISION PRIMARY KEY,
                backup_made_at DOUBLE PRECISION NOT NULL,
                fires_closed INTEGER NOT NULL
            )
            """,
            "ALTER TABLE run ADD COLUMN forgotten_at DOUBLE PRECISION",
            "ALTER TABLE run ADD COLUMN is_forgotten INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE run ADD COLUMN artifacts_deleted_at DOUBLE PRECISION",
            "CREATE INDEX run_unforgotten ON run (ended_at) WHERE is_forgotten = 0",
            "CREATE INDEX seen_item_delivered ON seen_item (delivered_at)",
            "CREATE INDEX run_queue ON run (agent, priority, due_at) WHERE state = 'queued'",
            "CREATE INDEX run_deadline ON run (deadline_at) WHERE ended_at IS NULL",
            "CREATE INDEX run_cancel ON run (due_at) WHERE ended_at IS NULL AND cancel_reason IS NOT NULL",
            "CREATE INDEX fire_run ON fire (run_id)",
            "CREATE INDEX fire_open_job ON fire (job_id) WHERE closed_at IS NULL",
            "ALTER TABLE node ADD COLUMN node_id TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE node ADD COLUMN name TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE node ADD COLUMN state TEXT NOT NULL DEFAULT 'up'",
            "ALTER TABLE node ADD COLUMN left_at DOUBLE PRECISION",
            "ALTER TABLE node ADD COLUMN left_why TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE node ADD COLUMN role TEXT NOT NULL DEFAULT 'daemon'",
            "ALTER TABLE node ADD COLUMN version TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE incident ADD COLUMN alerts INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE incident ADD COLUMN alerted_at DOUBLE PRECISION",
            "ALTER TABLE incident ADD COLUMN alerted_occurrences INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE incident ADD COLUMN over_told_at DOUBLE PRECISION",
            "ALTER TABLE incident ADD COLUMN jobs TEXT NOT NULL DEFAULT '[]'",
            """
            CREATE TABLE breaker (
                endpoint TEXT PRIMARY KEY,
                state TEXT NOT NULL,
                failures_in_a_row INTEGER NOT NULL,
                opened_at DOUBLE PRECISION,
                retry_at DOUBLE PRECISION,
                problem TEXT NOT NULL DEFAULT ''
            )
            """,
        ),
    ),
    Migration(
        3,
        "the bus: requests, their log, and the runs that wait for them",
        (
            """
            CREATE TABLE request (
                id TEXT PRIMARY KEY,
                sender TEXT NOT NULL,
                receiver TEXT NOT NULL,
                state TEXT NOT NULL,
                version INTEGER NOT NULL,
                token INTEGER NOT NULL,
                run_id TEXT,
                priority INTEGER NOT NULL,
                due_at DOUBLE PRECISION NOT NULL,
                made_at DOUBLE PRECISION NOT NULL,
                updated_at DOUBLE PRECISION NOT NULL,
                news_at DOUBLE PRECISION,
                closed_at DOUBLE PRECISION,
                noticed_at DOUBLE PRECISION,
                result TEXT,
                verdict TEXT,
                is_dead INTEGER NOT NULL DEFAULT 0,
                is_watched INTEGER NOT NULL DEFAULT 0,
                depth INTEGER NOT NULL,
                parent TEXT,
                parent_run TEXT,
                key TEXT NOT NULL,
                task TEXT NOT NULL,
                note TEXT NOT NULL DEFAULT '',
                deliveries_failed INTEGER NOT NULL DEFAULT 0,
                deliver_after DOUBLE PRECISION,
                why_waiting TEXT NOT NULL DEFAULT ''
            )
            """,
            "CREATE UNIQUE INDEX request_key ON request (sender, key)",
            "CREATE INDEX request_open ON request (receiver, state, is_watched, priority, due_at, deliver_after)"
            " WHERE closed_at IS NULL",
            "CREATE INDEX request_due ON request (due_at) WHERE closed_at IS NULL",
            "CREATE INDEX request_undelivered ON request (deliver_after) WHERE state = 'requested'",
            "CREATE INDEX request_watched ON request (made_at) WHERE closed_at IS NULL AND is_watched = 1",
            "CREATE INDEX request_dead ON request (closed_at) WHERE is_dead = 1",
            "CREATE INDEX request_unnoticed ON request (closed_at) WHERE closed_at IS NOT NULL AND noticed_at IS NULL",
            "CREATE INDEX request_pair ON request (sender, receiver, made_at)",
            "CREATE INDEX request_parent ON request (parent) WHERE parent IS NOT NULL",
            "CREATE INDEX request_parent_run ON request (parent_run)",
            "CREATE INDEX request_run ON request (run_id)",
            "CREATE INDEX request_updated ON request (updated_at)",
            """
            CREATE TABLE event (
                request_id TEXT NOT NULL,
                number INTEGER NOT NULL,
                at DOUBLE PRECISION NOT NULL,
                party TEXT NOT NULL,
                kind TEXT NOT NULL,
                body TEXT NOT NULL,
                PRIMARY KEY (request_id, number)
            )
            """,
            """
            CREATE TABLE suspension (
                run_id TEXT PRIMARY KEY,
                conversation TEXT NOT NULL,
                suspended_at DOUBLE PRECISION NOT NULL,
                continued_as TEXT
            )
            """,
            """
            CREATE TABLE awaited (
                run_id TEXT NOT NULL,
                request_id TEXT NOT NULL,
                call_id TEXT NOT NULL,
                PRIMARY KEY (run_id, request_id)
            )
            """,
            "CREATE INDEX awaited_request ON awaited (request_id)",
            "CREATE INDEX suspension_open ON suspension (run_id) WHERE continued_as IS NULL",
            "CREATE INDEX fire_closed ON fire (job_id, closed_at) WHERE closed_at IS NOT NULL",
        ),
    ),
    Migration(
        4,
        "models: profile, latency and cache of each call, and the revision that a prompt was made from",
        (
            "ALTER TABLE usage ADD COLUMN profile TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE usage ADD COLUMN cache_write_tokens INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE usage ADD COLUMN latency_s DOUBLE PRECISION",
            # A day is added up before each call, from the index alone.
            "CREATE INDEX usage_day ON usage (at, agent, profile, cost_usd, input_tokens, output_tokens)",
            "CREATE INDEX usage_profile ON usage (profile, at)",
            "CREATE INDEX usage_job ON usage (job_id, at)",
            "ALTER TABLE run ADD COLUMN revision TEXT NOT NULL DEFAULT ''",
            """
            CREATE TABLE reservation (
                run_id TEXT NOT NULL,
                call_id TEXT NOT NULL,
                agent TEXT NOT NULL,
                profile TEXT NOT NULL,
                cost_usd DOUBLE PRECISION NOT NULL,
                tokens BIGINT NOT NULL,
                at DOUBLE PRECISION NOT NULL,
                PRIMARY KEY (run_id, call_id)
            )
            """,
            """
            CREATE TABLE cool_down (
                profile TEXT PRIMARY KEY,
                begun_at DOUBLE PRECISION NOT NULL,
                until_at DOUBLE PRECISION NOT NULL,
                cause TEXT NOT NULL,
                problem TEXT NOT NULL,
                fingerprint TEXT NOT NULL
            )
            """,
        ),
    ),
    Migration(
        5,
        "memory: which runs nobody has learned from yet",
        (
            "ALTER TABLE run ADD COLUMN is_unexamined INTEGER NOT NULL DEFAULT 0",
            "CREATE INDEX run_unexamined ON run (ended_at) WHERE is_unexamined = 1",
            # A day is added up from its own index, also for one profile, but SQLite would take this one. No query
            # needs the other.
            "DROP INDEX usage_profile",
            "DROP INDEX usage_job",
        ),
    ),
    Migration(
        6,
        "the team: what hosts of sources ask of their readers, and what channels were given",
        (
            """
            CREATE TABLE source_host (
                origin TEXT PRIMARY KEY,
                robots TEXT NOT NULL DEFAULT '',
                robots_read_at DOUBLE PRECISION,
                leave_until DOUBLE PRECISION
            )
            """,
            # How far a delivery of several messages got, and what each channel was given, by its own keys.
            "ALTER TABLE outbox ADD COLUMN progress TEXT NOT NULL DEFAULT ''",
            """
            CREATE TABLE told (
                channel TEXT NOT NULL,
                content TEXT NOT NULL,
                delivered_at DOUBLE PRECISION NOT NULL,
                PRIMARY KEY (channel, content)
            )
            """,
        ),
    ),
)


LATEST = MIGRATIONS[-1].number


def migrate(connection: Connection) -> int:
    """Bring the schema up to date inside the caller's transaction; return the version it now has.

    A database from a newer harness is left alone: its version is returned and the caller decides.
    """
    execute = connection.exec_driver_sql
    execute("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    current = int(execute("SELECT COALESCE(MAX(number), 0) FROM schema_version").scalar_one())
    for migration in MIGRATIONS:
        if migration.number <= current:
            continue
        for statement in migration.statements:
            execute(statement)
        execute(f"INSERT INTO schema_version (number, name) VALUES ({migration.number}, '{migration.name}')")  # noqa: S608
        current = migration.number
    return current
