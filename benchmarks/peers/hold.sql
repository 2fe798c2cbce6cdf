-- The best peer's one statement: all duties of a hold in one round trip and one transaction.

create function hold(
  p_command uuid, p_fingerprint bytea, p_record text, p_period tstzrange, p_occupied tstzrange,
  p_claim tstzrange, p_quote uuid, p_amount bigint, p_currency text, p_terms_version int,
  p_address text, p_envelope bytea, p_event bytea,
  out status int, out code text, out answer bytea)
language plpgsql as $$
declare
  r jsonb := p_record::jsonb;
  v_id uuid := (r->>'reservation_id')::uuid;
  v_driver uuid := (r->>'driver_id')::uuid;
  v_charger uuid := (r->>'charger_id')::uuid;
  v_station uuid := (r->>'station_id')::uuid;
  v_held_until timestamptz := (r->>'held_until')::timestamptz;
  v_lapsed uuid[];
  v_known inbox;
begin
  -- The answer of a success is known beforehand: written at once, no second version of the row.
  insert into inbox (command_id, fingerprint, type, state, answer, answered_at)
  values (p_command, p_fingerprint, 'reservation.HoldSlot', 'answered',
          convert_to(p_record, 'UTF8'), now())
  on conflict (command_id) do nothing;
  if not found then
    select * into v_known from inbox where command_id = p_command;
    status := 201;
    answer := v_known.answer;
    if v_known.fingerprint <> p_fingerprint then
      status := 422;
      code := 'idempotency_key_reused';
    end if;
    return;
  end if;

  insert into driver_use (driver_id, last_hold_at) values (v_driver, now())
  on conflict (driver_id) do update set last_hold_at = excluded.last_hold_at;
  if (select count(*) from reservation
      where driver_id = v_driver and state = 'held' and held_until > now()) >= 3 then
    code := 'too_many_holds';
  else
    v_lapsed := array(
      select reservation_id from reservation
      where charger_id = v_charger and state = 'held' and held_until <= now()
      order by reservation_id for update);
    if v_lapsed <> '{}' then
      update reservation set state = 'expired', version = version + 1, changed_at = now()
      where reservation_id = any(v_lapsed);
      delete from occupancy where ref = any(v_lapsed);
      insert into story (reservation_id, version, at, what, by_role)
      select reservation_id, version, changed_at, 'expired', 'system'
      from reservation where reservation_id = any(v_lapsed);
    end if;
    insert into occupancy (station_id, charger_id, during, kind, ref, held_until)
    values (v_station, v_charger, p_claim, 'hold', v_id, v_held_until)
    on conflict on constraint occupancy_no_overlap do nothing;
    if not found then
      code := 'slot_taken';
    end if;
  end if;

  if code is not null then
    status := 409;
    update inbox set answer = convert_to(format('{"status":409,"code":"%s"}', code), 'UTF8')
    where command_id = p_command;
    return;
  end if;

  insert into reservation (
    reservation_id, version, state, station_id, organisation_id, charger_id, charger_label,
    station_name, zone, driver_id, payer_id, created_by, kind, period, occupied, held_until,
    prolonged, total_amount, currency, lines, terms, terms_version, tariff_version, quote_id,
    code, created_at, changed_at)
  values (
    v_id, 1, 'held', v_station, (r->>'organisation_id')::uuid, v_charger, r->>'charger_label',
    r->>'station_name', r->>'zone', v_driver, v_driver, v_driver, 'charger', p_period,
    p_occupied, v_held_until, false, p_amount, p_currency, r->'lines', r->'terms',
    p_terms_version, (r->>'tariff_version')::int, p_quote, r->>'code', now(), now());
  insert into story (reservation_id, version, at, what, by_role, by_user)
  values (v_id, 1, now(), 'held', 'driver', v_driver);
  insert into outbox (topic, key, envelope, body)
  values (split_part(p_address, '/', 1), split_part(p_address, '/', 2), p_envelope, p_event);
  status := 201;
end $$;
