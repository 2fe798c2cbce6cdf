-- Who has paid for a booking before: looked up with every hold, written once a booking is confirmed.
create index reservation_driver_paid on reservation (driver_id)
  where confirmed_at is not null and total_amount > 0;
