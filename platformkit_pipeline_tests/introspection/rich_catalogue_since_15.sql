-- What PostgreSQL 15 added to the catalogue; run after rich_catalogue.sql on 15 and later.
create view app.invoker_view with (security_invoker = true) as select tenants.id, name from app.tenants where slug <> 'x';
create table app.one_null (a integer, b integer, unique nulls not distinct (a));
create unique index one_null_b on app.one_null (b) nulls not distinct;
alter table app.one_null add constraint pointing foreign key (b) references app.base_note (id) on delete set null (b);
create publication by_schema for tables in schema "Odd ""Schema"".x";
