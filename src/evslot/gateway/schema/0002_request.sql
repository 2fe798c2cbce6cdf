-- Who asked what, and what they were told: for the caller, their organisation and the admin.
-- No bodies, no query values, no addresses; an erased person's rows go with them.

create table request (
  -- When it came in.
  at timestamptz not null,
  -- As in the header X-Request-ID and in problem bodies.
  id text not null,
  method text not null,
  -- The template, such as /v1/reservations/{reservation_id}.
  route text not null,
  -- The path with its ids; the template where something else than ids is in it.
  path text not null,
  status smallint not null,
  -- Of the problem, where the answer was a no.
  code text,
  milliseconds integer not null,
  -- The account that asked; null where none did.
  user_id uuid,
  -- The organisation it was done for, where the edge knows it.
  organisation_id uuid,
  -- Where a command was sent: also the id of its operation.
  command_id uuid,
  primary key (at, id)
) partition by range (at);

comment on table request is 'Request history, kept for 30 days.';

create index request_of_user on request (user_id, at desc, id desc) where user_id is not null;
create index request_of_organisation on request (organisation_id, at desc, id desc)
  where organisation_id is not null;

-- What no daily partition takes: nobody made one in time.
create table request_rest partition of request default;

-- Daily partitions: made two days ahead, dropped after 30 days.
create function request_partitions() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  today date := (now() at time zone 'UTC')::date;
  day date;
  name text;
begin
  -- Several gateways tend the table; one at a time.
  perform pg_advisory_xact_lock(hashtext('request_partitions'));
  for i in 0..2 loop
    day := today + i;
    name := 'request_' || to_char(day, 'YYYYMMDD');
    if to_regclass('public.' || name) is null
       and not exists (select from request_rest
                       where at >= day::timestamp at time zone 'UTC'
                         and at < (day + 1)::timestamp at time zone 'UTC') then
      execute format(
        'create table %I partition of request for values from (%L) to (%L)',
        name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end if;
  end loop;
  for name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'request'::regclass and c.relname ~ '^request_\d{8}$'
      and to_date(right(c.relname, 8), 'YYYYMMDD') < today - 30
  loop
    execute format('drop table %I', name);
  end loop;
  delete from request_rest where at < (today - 30)::timestamp at time zone 'UTC';
end $$;
select request_partitions();
