-- A code on every charger's sticker: whoever stands before it names the charger by it.

-- Eight characters that are not taken for one another and spell no words (no vowels; no B, I, L,
-- O, S, U, Z, 0 or 1). Made of the charger's id, so that the same charger has the same sticker
-- wherever it is brought in again; `attempt` counts on where another one has it already.
create function sticker_code(charger uuid, attempt integer) returns text
language sql immutable strict parallel safe
return (
  select string_agg(
    substr('23456789CDFGHJKMNPQRTVWXY', get_byte(sha256(
      convert_to(charger::text || '/' || attempt, 'UTF8')), place) % 25 + 1, 1), '' order by place)
  from generate_series(0, 7) as place);

alter table charger add column sticker text;

-- By trigger and not by the statement, so that a process of the version before can go on writing.
-- Volatile: it sees what the very statement that calls it has written so far.
create function give_sticker() returns trigger
language plpgsql volatile
as $$
begin
  for attempt in 0..100 loop
    new.sticker := sticker_code(new.charger_id, attempt);
    if not exists (select from charger c
                   where c.sticker = new.sticker and c.charger_id <> new.charger_id) then
      return new;
    end if;
  end loop;
  raise exception 'no sticker code is free for charger %', new.charger_id;
end $$;

create unique index charger_sticker_unique on charger (sticker);
create trigger charger_gets_sticker before insert or update of sticker on charger
for each row when (new.sticker is null) execute function give_sticker();
-- Those that are there, one after the other: each sees the codes of those before.
update charger set sticker = null;
alter table charger alter column sticker set not null;
