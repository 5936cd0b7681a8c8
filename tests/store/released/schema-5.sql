-- A database as the harness of schema 5 left it: tables and rows are that version's own, never edited.

CREATE TABLE schema_version (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE job_state (
    job_id TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    known_since BIGINT NOT NULL,
    planned_until BIGINT NOT NULL,
    next_due BIGINT
, failures_in_a_row INTEGER NOT NULL DEFAULT 0);
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
);
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
, attempt INTEGER NOT NULL DEFAULT 1, priority INTEGER NOT NULL DEFAULT 1, not_before DOUBLE PRECISION, deadline_at DOUBLE PRECISION, node TEXT, source_run TEXT, cancel_reason TEXT, forgotten_at DOUBLE PRECISION, is_forgotten INTEGER NOT NULL DEFAULT 0, artifacts_deleted_at DOUBLE PRECISION, revision TEXT NOT NULL DEFAULT '', is_unexamined INTEGER NOT NULL DEFAULT 0);
CREATE TABLE node (
    executor_id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    workflow_version INTEGER NOT NULL,
    started_at DOUBLE PRECISION NOT NULL,
    heartbeat_at DOUBLE PRECISION NOT NULL
, node_id TEXT NOT NULL DEFAULT '', name TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'up', left_at DOUBLE PRECISION, left_why TEXT NOT NULL DEFAULT '', role TEXT NOT NULL DEFAULT 'daemon', version TEXT NOT NULL DEFAULT '');
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
);
CREATE TABLE incident (
    cause TEXT NOT NULL,
    first_at DOUBLE PRECISION NOT NULL,
    last_at DOUBLE PRECISION NOT NULL,
    message TEXT NOT NULL,
    occurrences INTEGER NOT NULL,
    run_id TEXT,
    resolved_at DOUBLE PRECISION, alerts INTEGER NOT NULL DEFAULT 0, alerted_at DOUBLE PRECISION, alerted_occurrences INTEGER NOT NULL DEFAULT 0, over_told_at DOUBLE PRECISION, jobs TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (cause, first_at)
);
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
    at DOUBLE PRECISION NOT NULL, profile TEXT NOT NULL DEFAULT '', cache_write_tokens INTEGER NOT NULL DEFAULT 0, latency_s DOUBLE PRECISION,
    PRIMARY KEY (run_id, call_id)
);
CREATE TABLE source_health (
    source TEXT PRIMARY KEY,
    last_ok_at DOUBLE PRECISION,
    last_failed_at DOUBLE PRECISION,
    failures_in_a_row INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT ''
);
CREATE TABLE source_cache (
    url TEXT PRIMARY KEY,
    etag TEXT,
    last_modified TEXT,
    items TEXT NOT NULL,
    fetched_at DOUBLE PRECISION NOT NULL
);
CREATE TABLE seen_item (
    job_id TEXT NOT NULL,
    url TEXT NOT NULL,
    delivered_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (job_id, url)
);
CREATE TABLE identity (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE pause (
    scope TEXT PRIMARY KEY,
    paused_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    paused_at DOUBLE PRECISION NOT NULL,
    is_automatic INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE condition_state (
    job_id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    run_id TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    committed_at DOUBLE PRECISION NOT NULL
);
CREATE TABLE restoration (
    restored_at DOUBLE PRECISION PRIMARY KEY,
    backup_made_at DOUBLE PRECISION NOT NULL,
    fires_closed INTEGER NOT NULL
);
CREATE TABLE breaker (
    endpoint TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    failures_in_a_row INTEGER NOT NULL,
    opened_at DOUBLE PRECISION,
    retry_at DOUBLE PRECISION,
    problem TEXT NOT NULL DEFAULT ''
);
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
);
CREATE TABLE event (
    request_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    party TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (request_id, number)
);
CREATE TABLE suspension (
    run_id TEXT PRIMARY KEY,
    conversation TEXT NOT NULL,
    suspended_at DOUBLE PRECISION NOT NULL,
    continued_as TEXT
);
CREATE TABLE awaited (
    run_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    PRIMARY KEY (run_id, request_id)
);
CREATE INDEX job_state_next_due ON job_state (next_due);
CREATE INDEX fire_due_at ON fire (due_at);
CREATE INDEX fire_open ON fire (state) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX run_one_per_agent ON run (agent) WHERE state = 'running' AND lane = 'agent';
CREATE INDEX run_state ON run (state, created_at);
CREATE INDEX run_job ON run (job_id, due_at);
CREATE INDEX outbox_pending ON outbox (next_try_at) WHERE state = 'pending';
CREATE INDEX outbox_run ON outbox (run_id);
CREATE UNIQUE INDEX incident_open ON incident (cause) WHERE resolved_at IS NULL;
CREATE INDEX usage_at ON usage (at);
CREATE INDEX run_unforgotten ON run (ended_at) WHERE is_forgotten = 0;
CREATE INDEX seen_item_delivered ON seen_item (delivered_at);
CREATE INDEX run_queue ON run (agent, priority, due_at) WHERE state = 'queued';
CREATE INDEX run_deadline ON run (deadline_at) WHERE ended_at IS NULL;
CREATE INDEX run_cancel ON run (due_at) WHERE ended_at IS NULL AND cancel_reason IS NOT NULL;
CREATE INDEX fire_run ON fire (run_id);
CREATE INDEX fire_open_job ON fire (job_id) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX request_key ON request (sender, key);
CREATE INDEX request_open ON request (receiver, state, is_watched, priority, due_at, deliver_after) WHERE closed_at IS NULL;
CREATE INDEX request_due ON request (due_at) WHERE closed_at IS NULL;
CREATE INDEX request_undelivered ON request (deliver_after) WHERE state = 'requested';
CREATE INDEX request_watched ON request (made_at) WHERE closed_at IS NULL AND is_watched = 1;
CREATE INDEX request_dead ON request (closed_at) WHERE is_dead = 1;
CREATE INDEX request_unnoticed ON request (closed_at) WHERE closed_at IS NOT NULL AND noticed_at IS NULL;
CREATE INDEX request_pair ON request (sender, receiver, made_at);
CREATE INDEX request_parent ON request (parent) WHERE parent IS NOT NULL;
CREATE INDEX request_parent_run ON request (parent_run);
CREATE INDEX request_run ON request (run_id);
CREATE INDEX request_updated ON request (updated_at);
CREATE INDEX awaited_request ON awaited (request_id);
CREATE INDEX suspension_open ON suspension (run_id) WHERE continued_as IS NULL;
CREATE INDEX fire_closed ON fire (job_id, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX usage_day ON usage (at, agent, profile, cost_usd, input_tokens, output_tokens);
CREATE TABLE reservation (
    run_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    profile TEXT NOT NULL,
    cost_usd DOUBLE PRECISION NOT NULL,
    tokens BIGINT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run_id, call_id)
);
CREATE TABLE cool_down (
    profile TEXT PRIMARY KEY,
    begun_at DOUBLE PRECISION NOT NULL,
    until_at DOUBLE PRECISION NOT NULL,
    cause TEXT NOT NULL,
    problem TEXT NOT NULL,
    fingerprint TEXT NOT NULL
);
CREATE INDEX run_unexamined ON run (ended_at) WHERE is_unexamined = 1;
INSERT INTO schema_version (number, name) VALUES (1, 'the first slice: schedule, ledger, runs, outbox');
INSERT INTO schema_version (number, name) VALUES (2, 'months: attempts, pauses, conditions, nodes that come and go, alerts, circuit breakers');
INSERT INTO schema_version (number, name) VALUES (3, 'the bus: requests, their log, and the runs that wait for them');
INSERT INTO schema_version (number, name) VALUES (4, 'models: profile, latency and cache of each call, and the revision that a prompt was made from');
INSERT INTO schema_version (number, name) VALUES (5, 'memory: which runs nobody has learned from yet');
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('ainews/arxiv', 'daily 07:15 in America/Los_Angeles', 1795161599, 1795187700, 1795274100, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('ainews/evening-scan', 'daily 18:00 in America/Los_Angeles', 1795161599, 1795226400, 1795312800, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('ainews/github-trending', 'daily 07:00 in America/Los_Angeles', 1795161599, 1795186800, 1795273200, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('ainews/midday-scan', 'daily 12:00 in America/Los_Angeles', 1795161599, 1795204800, 1795291200, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('ainews/morning-digest', 'daily 07:40 in America/Los_Angeles', 1795161599, 1795189200, 1795275600, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('ainews/overnight-scan', 'daily 06:00 in America/Los_Angeles', 1795161599, 1795183200, 1795269600, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('ainews/release-watch', 'daily 14:00 in America/Los_Angeles', 1795161599, 1795212000, 1795298400, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('zoe/daily-digest', 'daily 08:15 in America/Los_Angeles', 1795161599, 1795191300, 1795277700, 0);
INSERT INTO job_state (job_id, schedule, known_since, planned_until, next_due, failures_in_a_row) VALUES ('zoe/self-check', 'every 30m in America/Los_Angeles', 1795161599, 1795246200, 1795248000, 0);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/arxiv', 1795253400, 'cron', 'planned', '', 'cron:ainews/arxiv:1795253400', NULL, 1795253400.0, NULL, NULL, NULL, NULL);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('zoe/self-check', 1795253401, 'cron', 'running', '', 'cron:zoe/self-check:1795253401', 'studio-1a2b3c4d', 1795253400.0, NULL, NULL, NULL, NULL);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('zoe/daily-digest', 1795253402, 'cron', 'suspended', '', 'cron:zoe/daily-digest:1795253402', 'studio-1a2b3c4d', 1795253400.0, NULL, NULL, NULL, NULL);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/github-trending', 1795186800, 'cron', 'delivered', '', 'cron:ainews/github-trending:1795186800', 'studio-1a2b3c4d', 1795186800.0, 1795186800.0, 'artifacts/ainews/github-trending/1795186800-cron/digest.json', 10, 0);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/arxiv', 1795187700, 'cron', 'delivered', '', 'cron:ainews/arxiv:1795187700', 'studio-1a2b3c4d', 1795187700.0, 1795187700.0, 'artifacts/ainews/arxiv/1795187700-cron/digest.json', 10, 0);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('zoe/self-check', 1795206600, 'cron', 'delivered', '', 'cron:zoe/self-check:1795206600', 'studio-1a2b3c4d', 1795206600.0, 1795206600.0, 'artifacts/zoe/self-check/1795206600-cron/digest.json', 0, 0);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/release-watch', 1795212000, 'cron', 'delivered', '', 'cron:ainews/release-watch:1795212000', 'studio-1a2b3c4d', 1795212000.0, 1795212000.0, 'artifacts/ainews/release-watch/1795212000-cron/digest.json', 7, 0);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/overnight-scan', 1795183200, 'cron', 'degraded', 'Cinder Wire: answered 503 Service Unavailable (and 3 more gaps)', 'cron:ainews/overnight-scan:1795183200', 'studio-1a2b3c4d', 1795183200.0, 1795183200.0, 'artifacts/ainews/overnight-scan/1795183200-cron/digest.json', 8, 4);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/morning-digest', 1795189200, 'cron', 'degraded', 'Cinder Wire: answered 503 Service Unavailable (and 2 more gaps)', 'cron:ainews/morning-digest:1795189200', 'studio-1a2b3c4d', 1795189200.0, 1795189200.0, 'artifacts/ainews/morning-digest/1795189200-cron/digest.json', 12, 3);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('zoe/daily-digest', 1795191300, 'cron', 'degraded', 'ainews/morning-digest: Cinder Wire: answered 503 Service Unavailable (and 2 more gaps)', 'cron:zoe/daily-digest:1795191300', 'studio-1a2b3c4d', 1795191300.0, 1795191300.0, 'artifacts/zoe/daily-digest/1795191300-cron/digest.json', 24, 3);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/midday-scan', 1795204800, 'cron', 'degraded', 'Cinder Wire: answered 503 Service Unavailable (and 2 more gaps)', 'cron:ainews/midday-scan:1795204800', 'studio-1a2b3c4d', 1795204800.0, 1795204800.0, 'artifacts/ainews/midday-scan/1795204800-cron/digest.json', 6, 3);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('ainews/evening-scan', 1795226400, 'cron', 'degraded', 'Cinder Wire: answered 503 Service Unavailable (and 2 more gaps)', 'cron:ainews/evening-scan:1795226400', 'studio-1a2b3c4d', 1795226400.0, 1795226400.0, 'artifacts/ainews/evening-scan/1795226400-cron/digest.json', 8, 3);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('zoe/self-check', 1795161600, 'cron', 'silent', 'checked: 0 fires since Thu 00:00; nothing new is wrong', 'cron:zoe/self-check:1795161600', 'studio-1a2b3c4d', 1795161600.0, 1795161600.0, NULL, NULL, NULL);
INSERT INTO fire (job_id, due_at, kind, state, reason, run_id, owner, created_at, closed_at, artifact, items, gaps) VALUES ('zoe/self-check', 1795163400, 'cron', 'silent', 'checked: 1 fire since Fri 00:00; nothing new is wrong', 'cron:zoe/self-check:1795163400', 'studio-1a2b3c4d', 1795163400.0, 1795163400.0, NULL, NULL, NULL);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:ainews/arxiv:1795253400', 'ainews/arxiv', 'ainews', 'agent', 'cron', 1795253400, 'queued', '{}', '{}', 1, NULL, 1795253400.0, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '', 0);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:zoe/self-check:1795253401', 'zoe/self-check', 'zoe', 'system', 'cron', 1795253401, 'running', '{}', '{}', 1, 'studio-1a2b3c4d', 1795253400.0, 1795253400.5, NULL, NULL, NULL, NULL, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '3f2c1ab+', 0);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:zoe/daily-digest:1795253402', 'zoe/daily-digest', 'zoe', 'agent', 'cron', 1795253402, 'suspended', '{}', '{}', 1, 'studio-1a2b3c4d', 1795253400.0, 1795253400.5, NULL, NULL, NULL, NULL, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '3f2c1ab+', 0);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:zoe/self-check:1795206600', 'zoe/self-check', 'zoe', 'system', 'cron', 1795206600, 'ended', '{}', '{}', 1, 'studio-1a2b3c4d', 1795206600.0, 1795206600.0, 1795206600.0, 'completed', NULL, NULL, '{"state": "delivered", "reason": "", "artifact": "artifacts/zoe/self-check/1795206600-cron/digest.json", "items": 0, "gaps": 0, "delivered_urls": [], "details": []}', 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '', 1);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:zoe/self-check:1795163400', 'zoe/self-check', 'zoe', 'system', 'cron', 1795163400, 'ended', '{}', '{}', 1, 'studio-1a2b3c4d', 1795163400.0, 1795163400.0, 1795163400.0, 'completed', NULL, NULL, '{"state": "silent", "reason": "checked: 1 fire since Fri 00:00; nothing new is wrong", "artifact": null, "items": null, "gaps": null, "delivered_urls": [], "details": []}', 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '', 0);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:zoe/self-check:1795165200', 'zoe/self-check', 'zoe', 'system', 'cron', 1795165200, 'ended', '{}', '{}', 1, 'studio-1a2b3c4d', 1795165200.0, 1795165200.0, 1795165200.0, 'completed', NULL, NULL, '{"state": "silent", "reason": "checked: 1 fire since Fri 00:30; nothing new is wrong", "artifact": null, "items": null, "gaps": null, "delivered_urls": [], "details": []}', 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '', 0);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:zoe/self-check:1795167000', 'zoe/self-check', 'zoe', 'system', 'cron', 1795167000, 'ended', '{}', '{}', 1, 'studio-1a2b3c4d', 1795167000.0, 1795167000.0, 1795167000.0, 'completed', NULL, NULL, '{"state": "silent", "reason": "checked: 1 fire since Fri 01:00; nothing new is wrong", "artifact": null, "items": null, "gaps": null, "delivered_urls": [], "details": []}', 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '', 0);
INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version, owner, created_at, started_at, ended_at, stop, prompt_sha256, manifest, outcome, attempt, priority, not_before, deadline_at, node, source_run, cancel_reason, forgotten_at, is_forgotten, artifacts_deleted_at, revision, is_unexamined) VALUES ('cron:zoe/self-check:1795168800', 'zoe/self-check', 'zoe', 'system', 'cron', 1795168800, 'ended', '{}', '{}', 1, 'studio-1a2b3c4d', 1795168800.0, 1795168800.0, 1795168800.0, 'completed', NULL, NULL, '{"state": "silent", "reason": "checked: 1 fire since Fri 01:30; nothing new is wrong", "artifact": null, "items": null, "gaps": null, "delivered_urls": [], "details": []}', 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '', 0);
INSERT INTO node (executor_id, pid, host, workflow_version, started_at, heartbeat_at, node_id, name, state, left_at, left_why, role, version) VALUES ('studio-1a2b3c4d', 4711, 'studio', 1, 1795253400.0, 1795253400.0, '', '', 'up', NULL, '', 'daemon', '');
INSERT INTO outbox (id, run_id, channel, digest, state, attempts, next_try_at, created_at, acknowledged_at, receipt, last_error) VALUES ('cron:zoe/daily-digest:1795253402>digest', 'cron:zoe/daily-digest:1795253402', 'digest', '{"title": "It''s 100 % done; isn''t it?"}', 'pending', 1, 1795253430.0, 1795253400.0, NULL, NULL, 'no space left on device');
INSERT INTO outbox (id, run_id, channel, digest, state, attempts, next_try_at, created_at, acknowledged_at, receipt, last_error) VALUES ('cron:zoe/self-check:1795206600>terminal', 'cron:zoe/self-check:1795206600', 'terminal', '{
 "format": 1,
 "title": "Self-check",
 "job_id": "zoe/self-check",
 "run_id": "cron:zoe/self-check:1795206600",
 "made_at": "2026-11-20T20:30:00+00:00",
 "zone": "America/Los_Angeles",
 "made_by": "self-check, no model",
 "state": "delivered",
 "sections": [
  {
   "title": "What went wrong",
   "prose": "- `http://cinder-wire.sample.test/feed.xml failed 3 times in a row: answered 503 Service Unavailable`\n- `http://latent-times.sample.test/feed.xml failed 3 times in a row: is an HTML page, not a feed`\n\nChecked: 2 fires since Fri 12:00; 2 incidents open.",
   "items": [],
   "origin": "",
   "after": "",
   "level": 2
  }
 ],
 "gaps": [],
 "notice": "A rehearsal in the sample world: every source and story in it is invented, and its links lead nowhere."
}', 'acknowledged', 1, 1795206600.0, 1795206600.0, 1795206600.0, 'stdout', NULL);
INSERT INTO outbox (id, run_id, channel, digest, state, attempts, next_try_at, created_at, acknowledged_at, receipt, last_error) VALUES ('cron:ainews/midday-scan:1795204800>digest', 'cron:ainews/midday-scan:1795204800', 'digest', '{
 "format": 1,
 "title": "Midday scan",
 "job_id": "ainews/midday-scan",
 "run_id": "cron:ainews/midday-scan:1795204800",
 "made_at": "2026-11-20T20:00:00+00:00",
 "zone": "America/Los_Angeles",
 "made_by": "extractive, no model",
 "state": "degraded",
 "sections": [
  {
   "title": "",
   "prose": "*Extractive selection, no model: the sources'' own sentences, ranked by centrality.*",
   "items": [
    {
     "title": "Tallow Systems shows an accelerator for long contexts",
     "url": "http://inference-floor.sample.test/stories/tallow-t2-independent",
     "why": "The figures hold for batch sizes above eight; below that the T2 is no faster than last year''s parts. We were allowed one hour with a prototype and publish all our measurements.",
     "sources": [
      "The Inference Floor",
      "Tensor Herald"
     ],
     "published_at": "2026-11-20T18:30:00+00:00",
     "reachable": true,
     "priority": null
    },
    {
     "title": "Checklists in prompts work when code checks them too",
     "url": "http://prompt-courier.sample.test/stories/checklists",
     "why": "A list of ten requirements was followed in 71 % of answers, and in 98 % after a program had sent the violations back once. The repair round was needed for every fourth answer.",
     "sources": [
      "Prompt Courier"
     ],
     "published_at": "2026-11-20T18:45:00+00:00",
     "reachable": true,
     "priority": null
    },
    {
     "title": "A handover format that survives a bad week",
     "url": "http://agent-foundry.sample.test/stories/handover-format",
     "why": "Conclusion, evidence, next action: three fields, and a final message without all three is refused. After a month the team''s follow-up meeting had shrunk from an hour to ten minutes.",
     "sources": [
      "The Agent Foundry"
     ],
     "published_at": "2026-11-20T15:12:00+00:00",
     "reachable": true,
     "priority": null
    },
    {
     "title": "Standards council publishes guidance for unattended agents",
     "url": "http://safety-margin.sample.test/stories/council-guidance-agents",
     "why": "The document asks for three things: a record of every planned action, a way to stop all of them at once, and somebody outside who notices when the system is dead. It is eight pages long and readable.",
     "sources": [
      "Safety Margin"
     ],
     "published_at": "2026-11-20T17:24:00+00:00",
     "reachable": true,
     "priority": null
    },
    {
     "title": "Forty maintainers ask labs to publish failed evaluations",
     "url": "http://safety-margin.sample.test/stories/open-letter-failed-evals",
     "why": "We signed it, and we start with ourselves: the logs of our last 60 evaluation runs are online, 22 of them failed. The commonest cause was our own grader.",
     "sources": [
      "Safety Margin",
      "Tensor Herald"
     ],
     "published_at": "2026-11-20T15:18:00+00:00",
     "reachable": true,
     "priority": null
    },
    {
     "title": "Three universities pledge to keep old weights available for ten years",
     "url": "http://open-parameter.sample.test/stories/university-weights",
     "why": "Results can only be repeated while the model exists. The archive starts with 48 models and accepts nominations from anybody who has published with one.",
     "sources": [
      "Open Parameter"
     ],
     "published_at": "2026-11-20T18:00:00+00:00",
     "reachable": true,
     "priority": null
    }
   ],
   "origin": "",
   "after": "",
   "level": 2
  }
 ],
 "gaps": [
  "Cinder Wire: answered 503 Service Unavailable",
  "Latent Times: is an HTML page, not a feed",
  "Prompt Courier: is cut off in the middle; 3 entries could be read"
 ],
 "notice": "A rehearsal in the sample world: every source and story in it is invented, and its links lead nowhere."
}', 'acknowledged', 1, 1795204800.0, 1795204800.0, 1795204800.0, '/home/sam/team/.harness/digests/2026-11-20/ainews-midday-scan.md', NULL);
INSERT INTO incident (cause, first_at, last_at, message, occurrences, run_id, resolved_at, alerts, alerted_at, alerted_occurrences, over_told_at, jobs) VALUES ('source http://cinder-wire.sample.test/feed.xml', 1795204800.0, 1795226400.0, 'http://cinder-wire.sample.test/feed.xml failed 4 times in a row: answered 503 Service Unavailable', 2, NULL, NULL, 0, NULL, 0, NULL, '[]');
INSERT INTO incident (cause, first_at, last_at, message, occurrences, run_id, resolved_at, alerts, alerted_at, alerted_occurrences, over_told_at, jobs) VALUES ('source http://latent-times.sample.test/feed.xml', 1795204800.0, 1795226400.0, 'http://latent-times.sample.test/feed.xml failed 4 times in a row: is an HTML page, not a feed', 2, NULL, NULL, 0, NULL, 0, NULL, '[]');
INSERT INTO incident (cause, first_at, last_at, message, occurrences, run_id, resolved_at, alerts, alerted_at, alerted_occurrences, over_told_at, jobs) VALUES ('missed ainews/evening-scan', 1795253400.0, 1795253400.0, 'ainews/evening-scan was missed: the machine was off', 1, NULL, NULL, 0, NULL, 0, NULL, '[]');
INSERT INTO usage (run_id, call_id, agent, job_id, model, input_tokens, cached_tokens, output_tokens, cost_usd, at, profile, cache_write_tokens, latency_s) VALUES ('cron:ainews/overnight-scan:1795183200', 'model-1', 'ainews', 'ainews/overnight-scan', 'extractive, no model', 0, 0, 0, 0.0, 1795183200.0, 'cheap', 12, 1.25);
INSERT INTO usage (run_id, call_id, agent, job_id, model, input_tokens, cached_tokens, output_tokens, cost_usd, at, profile, cache_write_tokens, latency_s) VALUES ('cron:ainews/github-trending:1795186800', 'model-1', 'ainews', 'ainews/github-trending', 'extractive, no model', 0, 0, 0, 0.0, 1795186800.0, '', 0, NULL);
INSERT INTO usage (run_id, call_id, agent, job_id, model, input_tokens, cached_tokens, output_tokens, cost_usd, at, profile, cache_write_tokens, latency_s) VALUES ('cron:ainews/arxiv:1795187700', 'model-1', 'ainews', 'ainews/arxiv', 'extractive, no model', 0, 0, 0, 0.0, 1795187700.0, 'cheap', 0, 1.25);
INSERT INTO usage (run_id, call_id, agent, job_id, model, input_tokens, cached_tokens, output_tokens, cost_usd, at, profile, cache_write_tokens, latency_s) VALUES ('cron:ainews/morning-digest:1795189200', 'model-1', 'ainews', 'ainews/morning-digest', 'extractive, no model', 0, 0, 0, 0.0, 1795189200.0, '', 0, NULL);
INSERT INTO source_health (source, last_ok_at, last_failed_at, failures_in_a_row, problem) VALUES ('http://cinder-wire.sample.test/feed.xml', NULL, 1795226400.0, 4, 'answered 503 Service Unavailable');
INSERT INTO source_health (source, last_ok_at, last_failed_at, failures_in_a_row, problem) VALUES ('http://latent-times.sample.test/feed.xml', NULL, 1795226400.0, 4, 'is an HTML page, not a feed');
INSERT INTO source_health (source, last_ok_at, last_failed_at, failures_in_a_row, problem) VALUES ('https://gone.example/feed', NULL, 1795253400.0, 1, 'HTTP 404');
INSERT INTO source_health (source, last_ok_at, last_failed_at, failures_in_a_row, problem) VALUES ('http://inference-floor.sample.test/feed.xml', 1795226400.0, NULL, 0, '');
INSERT INTO source_health (source, last_ok_at, last_failed_at, failures_in_a_row, problem) VALUES ('http://loss-curve.sample.test/feed.xml', 1795226400.0, NULL, 0, '');
INSERT INTO source_cache (url, etag, last_modified, items, fetched_at) VALUES ('http://forge.sample.test/mossdb/mossdb/releases.atom', '"61d37814d5b5a9738b68"', 'Fri, 20 Nov 2026 19:00:00 GMT', '[{"title": "mossdb 0.9.1: deletes are visible to readers at once", "url": "http://forge.sample.test/mossdb/mossdb/releases/tag/0.9.1", "source": "mossdb releases", "summary": "A note that was removed could still be found until the next restart. The fix adds a test with a reader in a second process.", "published_at": "2026-11-20T19:00:00Z", "also_in": []}, {"title": "mossdb 0.9: titles weigh more than bodies", "url": "http://forge.sample.test/mossdb/mossdb/releases/tag/0.9.0", "source": "mossdb releases", "summary": "Two columns with separate weights raised the hit rate among the first ten results from 0.68 to 0.72 on the project''s own set. Indexes are rebuilt on first start.", "published_at": "2026-11-19T10:00:00Z", "also_in": []}]', 1795212000.0);
INSERT INTO source_cache (url, etag, last_modified, items, fetched_at) VALUES ('http://forge.sample.test/embervale/wickserve/releases.atom', '"0dfd5fab57e0acfdeb25"', 'Fri, 20 Nov 2026 21:36:00 GMT', '[{"title": "wickserve 1.12.1: corrected tokenizer for Heron 3", "url": "http://forge.sample.test/embervale/wickserve/releases/tag/1.12.1", "source": "wickserve releases", "summary": "Takes up the file that Kiln Street Labs replaced today, which counts code 7 % shorter. Cached prefixes of Heron 3 are thrown away once on upgrade.", "published_at": "2026-11-20T21:36:00Z", "also_in": []}, {"title": "wickserve 1.12: attention caches may live on disk", "url": "http://forge.sample.test/embervale/wickserve/releases/tag/1.12.0", "source": "wickserve releases", "summary": "A paused conversation of 60,000 tokens takes 1.9 GB on disk and wakes up in 200 milliseconds. Set a limit, or the folder grows without end.", "published_at": "2026-11-19T16:00:00Z", "also_in": []}]', 1795212000.0);
INSERT INTO source_cache (url, etag, last_modified, items, fetched_at) VALUES ('http://forge.sample.test/loomstep/loomstep/releases.atom', '"d830144080132cee5169"', 'Fri, 20 Nov 2026 20:36:00 GMT', '[{"title": "loomstep 2.5.0 release candidate: PostgreSQL and SQLite share one test suite", "url": "http://forge.sample.test/loomstep/loomstep/releases/tag/v2.5.0-rc1", "source": "loomstep releases", "summary": "Both stores now pass the same 412 tests, and three differences in locking were removed on the way. The final release is planned in two weeks.", "published_at": "2026-11-20T20:36:00Z", "also_in": []}, {"title": "loomstep 2.4.1: no more polling while a workflow waits", "url": "http://forge.sample.test/loomstep/loomstep/releases/tag/v2.4.1", "source": "loomstep releases", "summary": "Idle use of the processor falls from 9 % of a core to nearly nothing. Timers that were due while the machine slept fire once on waking.", "published_at": "2026-11-20T03:00:00Z", "also_in": []}, {"title": "loomstep 2.4.0: steps keep their order when they run side by side", "url": "http://forge.sample.test/loomstep/loomstep/releases/tag/v2.4.0", "source": "loomstep releases", "summary": "Step numbers are now reserved when a step is declared and no longer when it starts, so that a replay cannot swap two results. Workflows recorded by 2.3 can be finished but not forked.", "published_at": "2026-11-19T02:00:00Z", "also_in": []}]', 1795212000.0);
INSERT INTO seen_item (job_id, url, delivered_at) VALUES ('ainews/midday-scan', 'https://agent-foundry.sample.test/stories/handover-format', 1795204800.0);
INSERT INTO seen_item (job_id, url, delivered_at) VALUES ('ainews/evening-scan', 'https://agent-foundry.sample.test/stories/night-shift-rehearsal', 1795226400.0);
INSERT INTO seen_item (job_id, url, delivered_at) VALUES ('ainews/morning-digest', 'https://agent-foundry.sample.test/stories/one-writer', 1795189200.0);
INSERT INTO seen_item (job_id, url, delivered_at) VALUES ('zoe/daily-digest', 'https://agent-foundry.sample.test/stories/one-writer', 1795191300.0);
INSERT INTO seen_item (job_id, url, delivered_at) VALUES ('ainews/evening-scan', 'https://agent-foundry.sample.test/stories/quiet-agents', 1795226400.0);
INSERT INTO seen_item (job_id, url, delivered_at) VALUES ('ainews/morning-digest', 'https://agent-foundry.sample.test/stories/twelve-tools', 1795189200.0);
INSERT INTO identity (name, value) VALUES ('team', 'studio');
INSERT INTO pause (scope, paused_by, reason, paused_at, is_automatic) VALUES ('job:ainews/arxiv', 'Sam', 'until the query''s fixed', 1763740800.25, 0);
INSERT INTO condition_state (job_id, state, run_id, due_at, committed_at) VALUES ('ainews/morning-digest', '{"feeds/ai": "3f2a"}', 'cron:ainews/morning-digest:1763740800', 1763740800, 1763740800.25);
INSERT INTO restoration (restored_at, backup_made_at, fires_closed) VALUES (1763740800.25, 1763737200.25, 2);
INSERT INTO breaker (endpoint, state, failures_in_a_row, opened_at, retry_at, problem) VALUES ('example.org:443', 'open', 5, 1763740800.25, 1763740860.25, 'no answer; twice');
INSERT INTO request (id, sender, receiver, state, version, token, run_id, priority, due_at, made_at, updated_at, news_at, closed_at, noticed_at, result, verdict, is_dead, is_watched, depth, parent, parent_run, key, task, note, deliveries_failed, deliver_after, why_waiting) VALUES ('r-pc6l7wa2ta', 'ainews', 'user', 'confirmed', 3, 1, NULL, 1, 1795359600.0, 1795273200.0, 1795273200.0, 1795273200.0, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, 'cron:ainews/midday-scan:1795204800', 'cinder', 'May the feed of Cinder Wire go? It''s been down for a week.', '', 0, NULL, '');
INSERT INTO request (id, sender, receiver, state, version, token, run_id, priority, due_at, made_at, updated_at, news_at, closed_at, noticed_at, result, verdict, is_dead, is_watched, depth, parent, parent_run, key, task, note, deliveries_failed, deliver_after, why_waiting) VALUES ('r-abffrnhnwh', 'zoe', 'user', 'final', 5, 1, NULL, 1, 1795359600.0, 1795273200.0, 1795273740.0, 1795273740.0, 1795273740.0, NULL, 'done', 'PASS', 0, 0, 0, NULL, NULL, 'plans', 'Which of the two plans do you prefer?', 'half of it; "more" comes', 0, NULL, '');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-pc6l7wa2ta', 1, 1795273200.0, 'ainews', 'requested', '{"request": {"id": "r-pc6l7wa2ta", "sender": "ainews", "receiver": "user", "task": "May the feed of Cinder Wire go? It''s been down for a week.", "due_at": "2026-11-22T15:00:00Z", "made_at": "2026-11-21T15:00:00Z", "key": "cinder", "background": "", "inputs": [], "expected_output": "", "acceptance": [], "fallback": "", "priority": "normal", "parent": null, "parent_run": "cron:ainews/midday-scan:1795204800", "depth": 0, "is_untrusted": false, "watch": null, "resend_of": null, "files_since": null}, "kind": "requested"}');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-pc6l7wa2ta', 2, 1795273200.0, 'system', 'delivered', '{"token": 1, "run_id": null, "kind": "delivered"}');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-pc6l7wa2ta', 3, 1795273200.0, 'system', 'confirmed', '{"token": 1, "kind": "confirmed"}');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-abffrnhnwh', 1, 1795273200.0, 'zoe', 'requested', '{"request": {"id": "r-abffrnhnwh", "sender": "zoe", "receiver": "user", "task": "Which of the two plans do you prefer?", "due_at": "2026-11-22T15:00:00Z", "made_at": "2026-11-21T15:00:00Z", "key": "plans", "background": "", "inputs": [], "expected_output": "", "acceptance": [], "fallback": "", "priority": "normal", "parent": null, "parent_run": null, "depth": 0, "is_untrusted": false, "watch": null, "resend_of": null, "files_since": null}, "kind": "requested"}');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-abffrnhnwh', 2, 1795273200.0, 'system', 'delivered', '{"token": 1, "run_id": null, "kind": "delivered"}');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-abffrnhnwh', 3, 1795273200.0, 'system', 'confirmed', '{"token": 1, "kind": "confirmed"}');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-abffrnhnwh', 4, 1795273380.0, 'user', 'progress', '{"token": 1, "note": "half of it; \"more\" comes", "by_harness": false, "kind": "progress"}');
INSERT INTO event (request_id, number, at, party, kind, body) VALUES ('r-abffrnhnwh', 5, 1795273740.0, 'user', 'final', '{"final": {"result": "done", "conclusion": "The second one.", "evidence": [], "actions": ["write it down"], "verdict": "PASS"}, "token": 1, "kind": "final"}');
INSERT INTO suspension (run_id, conversation, suspended_at, continued_as) VALUES ('cron:ainews/midday-scan:1795204800', '{"messages": []}', 1795273200.0, NULL);
INSERT INTO awaited (run_id, request_id, call_id) VALUES ('cron:ainews/midday-scan:1795204800', 'r-pc6l7wa2ta', 'model-1.1');
INSERT INTO reservation (run_id, call_id, agent, profile, cost_usd, tokens, at) VALUES ('cron:zoe/self-check:1795253401', 'model-2', 'zoe', 'cheap', 0.0125, 5200, 1795240800.5);
INSERT INTO cool_down (profile, begun_at, until_at, cause, problem, fingerprint) VALUES ('cheap', 1795240000.0, 1795243600.0, 'rate limit api.example.com:443', 'api.example.com asks to come back in 1 h', '0a1b2c3d');
