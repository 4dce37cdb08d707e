-- shop-production: a shop system for many merchants, kept as the constitution wants it. No rule finds anything here.
-- Every tenant table: `tenant_id uuid not null`, a key (tenant_id, id) that foreign keys carry along, an index for each
-- foreign key, explicit cascades, timestamps. Security is in shop_security.sql, rows are in shop_data.sql.

create extension if not exists pg_trgm with schema extensions;
create extension if not exists citext with schema extensions;
create extension if not exists btree_gin with schema extensions;

create schema if not exists private;
comment on schema private is 'Not exposed: triggers, helpers, and what only server-side code reads.';

create type public.order_status as enum ('draft', 'placed', 'paid', 'shipped', 'delivered', 'cancelled');
create type public.payment_method as enum ('card', 'transfer', 'wallet');
create domain public.money_amount as numeric(12, 2) check (value >= 0);
create domain public.currency_code as text check (value ~ '^[A-Z]{3}$');

-- one row: a merchant
create table public.tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  slug extensions.citext not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.tenants is 'Merchants. platformkit:not-tenant-scoped it is the list of tenants itself; rows are confined by their id';

-- one row: a currency that any merchant may use
create table public.currencies (
  code public.currency_code primary key,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.currencies is E'platformkit:not-tenant-scoped reference data, the same for all merchants\nplatformkit:public-read price lists are shown to visitors who are not signed in';

-- one row: a person who works for a merchant
create table public.staff_members (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null default 'clerk' check (role in ('owner', 'manager', 'clerk')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  unique (tenant_id, user_id)
);
create index staff_members_user_idx on public.staff_members (user_id);

-- one row: a node of the merchant's category tree
create table public.categories (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  parent_category_id uuid,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  foreign key (tenant_id, parent_category_id) references public.categories (tenant_id, id) on delete restrict
);
create index categories_parent_idx on public.categories (tenant_id, parent_category_id);

-- one row: something that is for sale
create table public.products (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  category_id uuid not null,
  name text not null,
  description text,
  attributes jsonb not null default '{}',
  search tsvector generated always as (to_tsvector('simple', name || ' ' || coalesce(description, ''))) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  foreign key (tenant_id, category_id) references public.categories (tenant_id, id) on delete restrict
);
create index products_category_idx on public.products (tenant_id, category_id);
create index products_search_idx on public.products using gin (search);
create index products_name_idx on public.products using gin (name extensions.gin_trgm_ops);

-- one row: a size or colour of a product, with its price
create table public.product_variants (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  product_id uuid not null,
  sku text not null,
  price public.money_amount not null,
  currency public.currency_code not null references public.currencies (code) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  unique (tenant_id, sku),
  foreign key (tenant_id, product_id) references public.products (tenant_id, id) on delete cascade
);
create index product_variants_product_idx on public.product_variants (tenant_id, product_id);
create index product_variants_currency_idx on public.product_variants (currency);

-- one row: a picture of a product, stored in the bucket product-images
create table public.product_images (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  product_id uuid not null,
  path text not null,
  position smallint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, product_id) references public.products (tenant_id, id) on delete cascade
);
create index product_images_product_idx on public.product_images (tenant_id, product_id);

-- one row: a place where goods lie
create table public.warehouses (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id)
);

-- one row: how many pieces of a variant lie in a warehouse
create table public.inventory_levels (
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  warehouse_id uuid not null,
  product_variant_id uuid not null,
  quantity integer not null default 0 check (quantity >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, warehouse_id, product_variant_id),
  foreign key (tenant_id, warehouse_id) references public.warehouses (tenant_id, id) on delete cascade,
  foreign key (tenant_id, product_variant_id) references public.product_variants (tenant_id, id) on delete cascade
);
create index inventory_levels_variant_idx on public.inventory_levels (tenant_id, product_variant_id);

-- one row: somebody who buys
create table public.customers (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  email extensions.citext not null,
  full_name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  unique (tenant_id, email)
);

-- one row: where a customer lives
create table public.customer_addresses (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  customer_id uuid not null,
  street text not null,
  city text not null,
  country char(2) not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  foreign key (tenant_id, customer_id) references public.customers (tenant_id, id) on delete cascade
);
create index customer_addresses_customer_idx on public.customer_addresses (tenant_id, customer_id);

-- one row: goods that a customer has picked and not yet ordered
create table public.carts (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  customer_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  foreign key (tenant_id, customer_id) references public.customers (tenant_id, id) on delete cascade
);
create index carts_customer_idx on public.carts (tenant_id, customer_id);

-- one row: a variant in a cart
create table public.cart_items (
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  cart_id uuid not null,
  product_variant_id uuid not null,
  quantity integer not null check (quantity > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, cart_id, product_variant_id),
  foreign key (tenant_id, cart_id) references public.carts (tenant_id, id) on delete cascade,
  foreign key (tenant_id, product_variant_id) references public.product_variants (tenant_id, id) on delete cascade
);
create index cart_items_variant_idx on public.cart_items (tenant_id, product_variant_id);

-- one row: a price reduction that a customer can ask for
create table public.coupons (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  code extensions.citext not null,
  percent numeric(5, 2) not null check (percent > 0 and percent <= 100),
  valid_during tstzrange not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  unique (tenant_id, code)
);

-- one row: an order; its parts refer to it
create table public.orders (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  customer_id uuid not null,
  coupon_id uuid,
  status public.order_status not null default 'draft',
  placed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  foreign key (tenant_id, customer_id) references public.customers (tenant_id, id) on delete restrict,
  foreign key (tenant_id, coupon_id) references public.coupons (tenant_id, id) on delete restrict
);
create index orders_customer_idx on public.orders (tenant_id, customer_id);
create index orders_coupon_idx on public.orders (tenant_id, coupon_id);
create index orders_status_idx on public.orders (tenant_id, status, placed_at);

-- one row: a variant that was ordered, at the price of that day
create table public.order_items (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  order_id uuid not null,
  product_variant_id uuid not null,
  quantity integer not null check (quantity > 0),
  unit_price public.money_amount not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, order_id) references public.orders (tenant_id, id) on delete cascade,
  foreign key (tenant_id, product_variant_id) references public.product_variants (tenant_id, id) on delete restrict
);
create index order_items_order_idx on public.order_items (tenant_id, order_id);
create index order_items_variant_idx on public.order_items (tenant_id, product_variant_id);

-- one row: something that happened to an order; a partition per year
create table public.order_events (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  order_id uuid not null,
  occurred_at timestamptz not null default now(),
  event text not null,
  payload jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id, occurred_at),
  foreign key (tenant_id, order_id) references public.orders (tenant_id, id) on delete cascade
) partition by range (occurred_at);
create table public.order_events_2025 partition of public.order_events for values from ('2025-01-01Z') to ('2026-01-01Z');
create table public.order_events_2026 partition of public.order_events for values from ('2026-01-01Z') to ('2027-01-01Z');
create index order_events_order_idx on public.order_events (tenant_id, order_id);

-- one row: money asked for; critical, so it says who wrote it
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  order_id uuid not null,
  number text not null,
  total public.money_amount not null,
  due_on date not null,
  created_by uuid not null references auth.users (id) on delete restrict,
  updated_by uuid not null references auth.users (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id),
  unique (tenant_id, number),
  foreign key (tenant_id, order_id) references public.orders (tenant_id, id) on delete restrict
);
create index invoices_order_idx on public.invoices (tenant_id, order_id);
create index invoices_created_by_idx on public.invoices (created_by);
create index invoices_updated_by_idx on public.invoices (updated_by);

-- one row: money received; critical
create table public.payments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  invoice_id uuid not null,
  method public.payment_method not null,
  amount public.money_amount not null,
  created_by uuid not null references auth.users (id) on delete restrict,
  updated_by uuid not null references auth.users (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, invoice_id) references public.invoices (tenant_id, id) on delete restrict
);
create index payments_invoice_idx on public.payments (tenant_id, invoice_id);
create index payments_tenant_created_idx on public.payments (tenant_id, created_at);
create index payments_created_by_idx on public.payments (created_by);
create index payments_updated_by_idx on public.payments (updated_by);

-- one row: a parcel
create table public.shipments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  order_id uuid not null,
  warehouse_id uuid not null,
  tracking_code text,
  shipped_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (tenant_id, order_id) references public.orders (tenant_id, id) on delete restrict,
  foreign key (tenant_id, warehouse_id) references public.warehouses (tenant_id, id) on delete restrict
);
create index shipments_order_idx on public.shipments (tenant_id, order_id);
create index shipments_warehouse_idx on public.shipments (tenant_id, warehouse_id);

-- one row: what a customer thinks of a product
create table public.reviews (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  product_id uuid not null,
  customer_id uuid not null,
  rating smallint not null check (rating between 1 and 5),
  body text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, product_id, customer_id),
  foreign key (tenant_id, product_id) references public.products (tenant_id, id) on delete cascade,
  foreign key (tenant_id, customer_id) references public.customers (tenant_id, id) on delete cascade
);
create index reviews_customer_idx on public.reviews (tenant_id, customer_id);

-- one row: a change of a critical table, written by a trigger
create table private.change_log (
  id bigint generated always as identity primary key,
  tenant_id uuid not null references public.tenants (id) on delete restrict,
  table_name text not null,
  operation text not null,
  old_row jsonb,
  new_row jsonb,
  actor uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index change_log_tenant_idx on private.change_log (tenant_id, created_at);

create function private.set_updated_at() returns trigger language plpgsql set search_path = '' as $body$
begin
  new.updated_at := pg_catalog.now();
  return new;
end
$body$;

create function private.record_change() returns trigger language plpgsql security definer set search_path = '' as $body$
begin
  insert into private.change_log (tenant_id, table_name, operation, old_row, new_row, actor)
  values (
    case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end,
    tg_table_name,
    tg_op,
    case when tg_op <> 'INSERT' then pg_catalog.to_jsonb(old) end,
    case when tg_op <> 'DELETE' then pg_catalog.to_jsonb(new) end,
    (select auth.uid())
  );
  return null;
end
$body$;
comment on function private.record_change() is 'platformkit:definer clients must not be able to write the change log themselves';

create function public.order_total(p_order_id uuid) returns numeric language sql stable set search_path = ''
begin atomic
  select coalesce(sum(item.quantity * item.unit_price), 0) from public.order_items as item where item.order_id = p_order_id;
end;

create function public.search_products(p_text text) returns setof public.products language sql stable set search_path = pg_catalog, public as $body$
  select * from public.products where search @@ plainto_tsquery('simple', p_text)
$body$;
create function public.search_products(p_text text, p_limit integer) returns setof public.products
  language sql stable set search_path = pg_catalog, public as $body$
  select * from public.search_products(p_text) limit p_limit
$body$;

create function private.sales_of(p_tenant_id uuid, p_from timestamptz default '-infinity') returns numeric
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $body$
begin
  return (
    select coalesce(sum(total), 0) from public.invoices where tenant_id = p_tenant_id and created_at >= p_from
  );
end
$body$;
comment on function private.sales_of(uuid, timestamptz) is 'platformkit:definer totals for the billing job, which may not read single invoices';
revoke all on function private.sales_of(uuid, timestamptz) from public;

create procedure private.refresh_best_sellers() language plpgsql set search_path = '' as $body$
begin
  refresh materialized view private.best_sellers;
end
$body$;

create view public.open_orders with (security_invoker = true) as
  select o.tenant_id, o.id, o.status, o.placed_at, c.full_name
  from public.orders as o
  join public.customers as c on c.tenant_id = o.tenant_id and c.id = o.customer_id
  where o.status in ('placed', 'paid');
create view public.product_ratings with (security_invoker = true) as
  select tenant_id, product_id, avg(rating)::numeric(3, 2) as rating, count(*) as reviews from public.reviews group by tenant_id, product_id;

create materialized view private.best_sellers as
  select i.tenant_id, v.product_id, sum(i.quantity) as sold
  from public.order_items as i
  join public.product_variants as v on v.tenant_id = i.tenant_id and v.id = i.product_variant_id
  group by i.tenant_id, v.product_id;
create unique index best_sellers_key on private.best_sellers (tenant_id, product_id);
