"""Statements on the table of jobs."""

LEASE = """
update job set state = 'running', attempt = attempt + 1, slot = $4,
  leased_until = now() + make_interval(secs => $3)
where id in (
  select id from job
  where kind = $1 and state in ('ready', 'running') and run_at <= now()
    and (state = 'ready' or leased_until < now())
  order by run_at limit $2 for update skip locked)
returning id, payload, attempt, traceparent, deadline_at < now() as over"""

# What the process before us in this slot left: it holds the slot no more, and should it still do
# something, its attempt is fenced.
TAKE_OVER = """
update job set leased_until = now()
where kind = any($1) and state = 'running' and slot = $2 and leased_until > now()"""

FINISH = """
update job set state = $3, finished_at = now(), leased_until = null, error = $4, payload = ''
where id = $1 and state = 'running' and attempt = $2"""

RETRY = """
update job set state = 'ready', leased_until = null, error = $4,
  run_at = now() + make_interval(secs => $3)
where id = $1 and state = 'running' and attempt = $2"""

# From a dead letter; one that is at work or done meanwhile is left alone.
AGAIN = """
insert into job (id, kind, payload, deadline_at, traceparent)
values ($1, $2, $3, now() + make_interval(secs => $4), $5)
on conflict (id) do update set state = 'ready', payload = excluded.payload, attempt = 0,
  run_at = now(), deadline_at = excluded.deadline_at, error = null, finished_at = null
where job.state = 'failed'"""

COUNTS = "select kind, state, count(*) as jobs from job group by kind, state"

CLEAN_UP = """
delete from job where ctid = any(array(
  select ctid from job
  where state in ('done', 'failed') and finished_at < now() - interval '30 days' limit 1000))"""
