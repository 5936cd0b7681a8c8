"""The tables as SQLAlchemy knows them; `migrations` creates them, and a test holds the two together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, Table, Text

metadata = MetaData()

job_state = Table(
    "job_state",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("known_since", BigInteger, nullable=False),
    Column("planned_until", BigInteger, nullable=False),
    Column("next_due", BigInteger),
    Column("failures_in_a_row", Integer, nullable=False, server_default="0"),
)

identity = Table(
    "identity",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

restoration = Table(
    "restoration",
    metadata,
    Column("restored_at", Double, primary_key=True),
    Column("backup_made_at", Double, nullable=False),
    Column("fires_closed", Integer, nullable=False),
)

pause = Table(
    "pause",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("paused_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("paused_at", Double, nullable=False),
    Column("is_automatic", Integer, nullable=False),
)

condition_state = Table(
    "condition_state",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("committed_at", Double, nullable=False),
)

fire = Table(
    "fire",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("due_at", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("run_id", Text),
    Column("owner", Text),
    Column("created_at", Double, nullable=False),
    Column("closed_at", Double),
    Column("artifact", Text),
    Column("items", Integer),
    Column("gaps", Integer),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("workflow_version", Integer, nullable=False),
    Column("owner", Text),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("stop", Text),
    Column("prompt_sha256", Text),
    Column("manifest", Text),
    Column("outcome", Text),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("not_before", Double),
    Column("deadline_at", Double),
    Column("node", Text),
    Column("source_run", Text),
    Column("cancel_reason", Text),
    Column("forgotten_at", Double),
    Column("is_forgotten", Integer, nullable=False, server_default="0"),
    Column("artifacts_deleted_at", Double),
    Column("revision", Text, nullable=False, server_default=""),
    Column("is_unexamined", Integer, nullable=False, server_default="0"),
)

node = Table(
    "node",
    metadata,
    Column("executor_id", Text, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("workflow_version", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("heartbeat_at", Double, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("left_at", Double),
    Column("left_why", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("version", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("acknowledged_at", Double),
    Column("receipt", Text),
    Column("last_error", Text),
    Column("progress", Text, nullable=False, server_default=""),
)

told = Table(
    "told",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("content", Text, primary_key=True),
    Column("delivered_at", Double, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("cause", Text, primary_key=True),
    Column("first_at", Double, primary_key=True),
    Column("last_at", Double, nullable=False),
    Column("message", Text, nullable=False),
    Column("occurrences", Integer, nullable=False),
    Column("run_id", Text),
    Column("resolved_at", Double),
    Column("alerts", Integer, nullable=False),
    Column("alerted_at", Double),
    Column("alerted_occurrences", Integer, nullable=False),
    Column("over_told_at", Double),
    Column("jobs", Text, nullable=False),
)

breaker = Table(
    "breaker",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("failures_in_a_row", Integer, nullable=False),
    Column("opened_at", Double),
    Column("retry_at", Double),
    Column("problem", Text, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("profile", Text, nullable=False, server_default=""),
    Column("cache_write_tokens", Integer, nullable=False, server_default="0"),
    Column("latency_s", Double),
)

reservation = Table(
    "reservation",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
)

cool_down = Table(
    "cool_down",
    metadata,
    Column("profile", Text, primary_key=True),
    Column("begun_at", Double, nullable=False),
    Column("until_at", Double, nullable=False),
    Column("cause", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
)

source_health = Table(
    "source_health",
    metadata,
    Column("source", Text, primary_key=True),
    Column("last_ok_at", Double),
    Column("last_failed_at", Double),
    Column("failures_in_a_row", Integer, nullable=False),
    Column("problem", Text, nullable=False),
)

source_cache = Table(
    "source_cache",
    metadata,
    Column("url", Text, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("items", Text, nullable=False),
    Column("fetched_at", Double, nullable=False),
)

source_host = Table(
    "source_host",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("robots", Text, nullable=False, server_default=""),
    Column("robots_read_at", Double),
    Column("leave_until", Double),
)

seen_item = Table(
    "seen_item",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("delivered_at", Double, nullable=False),
)

request = Table(
    "request",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sender", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("token", Integer, nullable=False),
    Column("run_id", Text),
    Column("priority", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("news_at", Double),
    Column("closed_at", Double),
    Column("noticed_at", Double),
    Column("result", Text),
    Column("verdict", Text),
    Column("is_dead", Integer, nullable=False, server_default="0"),
    Column("is_watched", Integer, nullable=False, server_default="0"),
    Column("depth", Integer, nullable=False),
    Column("parent", Text),
    Column("parent_run", Text),
    Column("key", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("deliveries_failed", Integer, nullable=False, server_default="0"),
    Column("deliver_after", Double),
    Column("why_waiting", Text, nullable=False, server_default=""),
)

event = Table(
    "event",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("party", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
)

suspension = Table(
    "suspension",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("suspended_at", Double, nullable=False),
    Column("continued_as", Text),
)

awaited = Table(
    "awaited",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
)
