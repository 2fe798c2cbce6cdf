-- Accounts, seats, and what was heard.
create table account (
  name     text primary key,
  balance  bigint not null,
  version  int not null
);
create table seat (
  number   int primary key,
  account  text not null
);
create table rate (
  name     text primary key,
  rate     int not null,
  version  int not null
);
create table bell (
  id       bigint generated always as identity primary key,
  job_id   uuid not null,
  said     text not null
);
