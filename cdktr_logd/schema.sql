-- The tables and views of history.duckdb. Tables are insert-only: nothing is ever updated or
-- deleted, there are no keys and no indexes. What is current is a view.
-- Times are UTC epoch seconds in columns ending in _ts; views show them as TIMESTAMP (UTC) too.
--
-- Each of these tables is kept in partitions, `logstore_1`, `logstore_2` and so on, of which the
-- newest is written and the oldest is dropped whole when it is older than `retention_days`. Under
-- the plain name there is a view over all of them.

-- Output. A row is a piece of at most 16 KiB of one stream (run, task, n, stream), of which
-- `off` is the position of its first byte and `line` the number of its first line, both from 0.
-- `pos` grows by one with every row. Exactly one of `text` (UTF-8) and `bytes` (all else) is set.
-- off + size of a stream's last row is its high-water mark: rows and mark cannot disagree.
CREATE TABLE logstore (
    pos BIGINT, workflow VARCHAR, run VARCHAR, task VARCHAR, n INTEGER, stream VARCHAR,
    off BIGINT, size INTEGER, line BIGINT, ts DOUBLE, ended BOOLEAN,
    text VARCHAR USING COMPRESSION zstd, bytes BLOB USING COMPRESSION zstd
);

-- Every fact of the principal, as it was published. The newest `seq` is the high-water mark.
CREATE TABLE event (
    seq BIGINT, ts DOUBLE, type VARCHAR, topic VARCHAR, run VARCHAR, body VARCHAR
);

-- A row whenever the state of a run changed: PENDING when it was created, ADMITTED when it was
-- queued and begins, then how it ended. `parent` is the task that called it, as RUN/TASK, `retry_of`
-- the run it repeats in part, `output` what it gave, as JSON.
CREATE TABLE workflow_run_status (
    seq BIGINT, ts DOUBLE, workflow VARCHAR, run VARCHAR, state VARCHAR, name VARCHAR,
    event VARCHAR, tasks INTEGER, code INTEGER, reason VARCHAR,
    queued BOOLEAN, parent VARCHAR, retry_of VARCHAR, output VARCHAR
);

-- A row whenever the state of an attempt changed: RUNNING (it was assigned, or its run was called),
-- COMPLETED, FAILED, CANCELLED, CRASHED, RELEASED; with n = 0 for tasks that ended or were SKIPPED
-- without running, and for groups, which are RUNNING when they have made `made` copies. `requeued`:
-- another attempt follows, not before `retry_ts`. `calls` is the run that was called, `outputs`
-- (JSON) and `result` what it gave.
CREATE TABLE task_run_status (
    seq BIGINT, ts DOUBLE, workflow VARCHAR, run VARCHAR, task VARCHAR, n INTEGER, state VARCHAR,
    agent VARCHAR, code INTEGER, reason VARCHAR, started_ts DOUBLE, ended_ts DOUBLE,
    requeued BOOLEAN, stdout_bytes BIGINT, stderr_bytes BIGINT,
    retry_ts DOUBLE, made INTEGER, calls VARCHAR, outputs VARCHAR, result VARCHAR
);

-- How far streams are stored of which no row is left: kept when a partition is dropped while they
-- go on.
CREATE TABLE mark (
    run VARCHAR, task VARCHAR, n INTEGER, stream VARCHAR, off BIGINT, ended BOOLEAN, ts DOUBLE
);

CREATE MACRO utc(epoch) AS make_timestamp(CAST(epoch * 1000000 AS BIGINT));

-- One row an attempt. `fence` is the seq of its assignment.
CREATE VIEW attempts AS
SELECT
    min(seq) AS seq, run, any_value(workflow) AS workflow, task, n,
    arg_max(state, seq) AS state, any_value(agent) AS agent,
    min(seq) AS fence, min(ts) AS assigned_ts,
    coalesce(max(started_ts), min(ts)) AS started_ts,
    max(CASE WHEN state <> 'RUNNING' THEN coalesce(ended_ts, ts) END) AS ended_ts,
    max(code) AS code, coalesce(max(nullif(reason, '')), '') AS reason,
    max(stdout_bytes) AS stdout_bytes, max(stderr_bytes) AS stderr_bytes,
    utc(coalesce(max(started_ts), min(ts))) AS started,
    utc(max(CASE WHEN state <> 'RUNNING' THEN coalesce(ended_ts, ts) END)) AS ended
FROM task_run_status WHERE n > 0
GROUP BY run, task, n;

-- One row for each task of which anything is known, as its latest attempt left it.
-- A task that another attempt follows is PENDING again. `made`: it is a group of so many copies.
CREATE VIEW tasks AS
SELECT
    min(seq) AS seq, run, any_value(workflow) AS workflow, task,
    CASE WHEN arg_max(coalesce(requeued, state IN ('CRASHED', 'RELEASED')), seq) THEN 'PENDING'
        ELSE arg_max(state, seq) END AS state,
    max(n) AS n, coalesce(arg_max(agent, seq) FILTER (agent <> ''), '') AS agent,
    max(started_ts) AS started_ts,
    CASE WHEN arg_max(state IN ('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')
        AND requeued IS NOT TRUE, seq) THEN arg_max(coalesce(ended_ts, ts), seq) END AS ended_ts,
    arg_max_null(code, seq) AS code, coalesce(arg_max(reason, seq), '') AS reason,
    arg_max_null(retry_ts, seq) AS retry_ts, max(made) AS made,
    coalesce(arg_max(calls, seq) FILTER (calls <> ''), '') AS calls,
    CAST(arg_max_null(outputs, seq) AS JSON) AS outputs, arg_max_null(result, seq) AS result,
    utc(max(started_ts)) AS started,
    CASE WHEN arg_max(state IN ('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')
        AND requeued IS NOT TRUE, seq) THEN utc(arg_max(coalesce(ended_ts, ts), seq)) END AS ended
FROM task_run_status
GROUP BY run, task;

-- One row a run. `started_ts` is when its first task began; `done` counts tasks in a final state,
-- `failed` those that FAILED, also where that was tolerated. `tasks` grows as groups make copies.
CREATE VIEW runs AS
SELECT
    c.seq, c.run, c.workflow, c.name, c.event,
    CASE WHEN e.state IS NOT NULL THEN e.state WHEN t.started_ts IS NOT NULL THEN 'RUNNING'
        ELSE 'PENDING' END AS state,
    c.ts AS created_ts, t.started_ts, e.ts AS ended_ts,
    greatest(c.tasks + coalesce(t.made, 0), coalesce(t.done, 0)) AS tasks,
    coalesce(t.done, 0) AS done, coalesce(t.failed, 0) AS failed, e.code,
    coalesce(e.reason, '') AS reason,
    coalesce(c.queued, false) AND e.state IS NULL AND t.started_ts IS NULL
        AND NOT exists(FROM workflow_run_status a WHERE a.run = c.run AND a.state = 'ADMITTED')
        AS queued,
    coalesce(c.parent, '') AS parent, coalesce(c.retry_of, '') AS retry_of,
    CAST(e.output AS JSON) AS output,
    utc(c.ts) AS created, utc(t.started_ts) AS started, utc(e.ts) AS ended
FROM workflow_run_status c
LEFT JOIN (
    SELECT run, state, ts, code, reason, output FROM workflow_run_status
    WHERE state NOT IN ('PENDING', 'ADMITTED')
) e ON e.run = c.run
LEFT JOIN (
    SELECT run,
        min(ts) FILTER (state = 'RUNNING') AS started_ts,
        count(*) FILTER (state IN ('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')
            AND requeued IS NOT TRUE) AS done,
        count(*) FILTER (state = 'FAILED' AND requeued IS NOT TRUE) AS failed,
        CAST(sum(made) AS INTEGER) AS made
    FROM task_run_status GROUP BY run
) t ON t.run = c.run
WHERE c.state = 'PENDING';

-- Facts with their time as TIMESTAMP and their body as JSON.
CREATE VIEW events AS
SELECT seq, ts, type, topic, run, CAST(body AS JSON) AS body, utc(ts) AS time FROM event;

-- What became of the instants of schedules: `count` of them from `from_ts` to `due_ts`, and in
-- `state` one of fired, late (by `late_s`), coalesced (into that at `into_ts`), skipped, suppressed,
-- missed.
CREATE VIEW ticks AS
SELECT
    seq, ts, body ->> '$.workflow' AS workflow, body ->> '$.schedule' AS schedule,
    body ->> '$.state' AS state, CAST(body ->> '$.due_ts' AS DOUBLE) AS due_ts,
    coalesce(CAST(body ->> '$.from_ts' AS DOUBLE), CAST(body ->> '$.due_ts' AS DOUBLE)) AS from_ts,
    coalesce(CAST(body ->> '$.count' AS BIGINT), 1) AS count,
    coalesce(body ->> '$.run', '') AS run, coalesce(CAST(body ->> '$.late_s' AS DOUBLE), 0) AS late_s,
    CAST(body ->> '$.into_ts' AS DOUBLE) AS into_ts, coalesce(body ->> '$.reason', '') AS reason,
    utc(CAST(body ->> '$.due_ts' AS DOUBLE)) AS due
FROM event WHERE type = 'tick.recorded';

-- Output with its time as TIMESTAMP; bytes that are not UTF-8 as escaped text.
CREATE VIEW output AS
SELECT pos, workflow, run, task, n, stream, off, size, line, ts, utc(ts) AS time, ended,
    coalesce(text, CAST(bytes AS VARCHAR)) AS text
FROM logstore;
