-- Payments that were made up to fill the sample of a development system.
create table made_up_payment (
  payment_id  uuid primary key references payment
);
