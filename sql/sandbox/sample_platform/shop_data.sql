-- Rows of shop-production: three merchants. Keys are made from names, so that every build has the same ones.

insert into auth.users (id, email, raw_app_meta_data, created_at, updated_at)
select md5('shop user ' || n)::uuid, 'staff' || n || '@shop.example', jsonb_build_object('tenant_id', md5('shop tenant ' || (n % 3 + 1))::uuid), now(), now()
from generate_series(1, 12) as n;

insert into public.tenants (id, name, slug)
select md5('shop tenant ' || n)::uuid, 'Merchant ' || n, 'merchant-' || n from generate_series(1, 3) as n;

insert into public.currencies (code, name) values ('EUR', 'Euro'), ('USD', 'US dollar'), ('CHF', 'Swiss franc');

insert into public.staff_members (tenant_id, user_id, role)
select md5('shop tenant ' || (n % 3 + 1))::uuid, md5('shop user ' || n)::uuid, case when n <= 3 then 'owner' else 'clerk' end from generate_series(1, 12) as n;

-- One number stands for tenant, thing and parent: row n belongs to tenant n % 3 + 1, so parents are taken modulo a multiple of 3.
insert into public.categories (id, tenant_id, name)
select md5('category ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, 'Category ' || n from generate_series(0, 29) as n;
insert into public.products (id, tenant_id, category_id, name, description)
select md5('product ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, md5('category ' || (n % 30))::uuid, 'Product ' || n, 'Useful thing number ' || n
from generate_series(0, 299) as n;
insert into public.product_variants (id, tenant_id, product_id, sku, price, currency)
select md5('variant ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, md5('product ' || (n % 300))::uuid, 'SKU-' || n, 5 + n % 90, 'EUR'
from generate_series(0, 599) as n;
insert into public.product_images (tenant_id, product_id, path)
select tenant_id, id, tenant_id || '/' || id || '.webp' from public.products;
insert into public.warehouses (id, tenant_id, name)
select md5('warehouse ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, 'Warehouse ' || n from generate_series(0, 2) as n;
insert into public.inventory_levels (tenant_id, warehouse_id, product_variant_id, quantity)
select md5('shop tenant ' || (n % 3 + 1))::uuid, md5('warehouse ' || (n % 3))::uuid, md5('variant ' || n)::uuid, n % 50 from generate_series(0, 599) as n;
insert into public.customers (id, tenant_id, email, full_name)
select md5('customer ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, 'customer' || n || '@example.org', 'Customer ' || n from generate_series(0, 299) as n;
insert into public.customer_addresses (tenant_id, customer_id, street, city, country)
select tenant_id, id, 'Main street 1', 'Springfield', 'DE' from public.customers;
insert into public.carts (id, tenant_id, customer_id)
select md5('cart ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, md5('customer ' || n)::uuid from generate_series(0, 59) as n;
insert into public.cart_items (tenant_id, cart_id, product_variant_id, quantity)
select md5('shop tenant ' || (n % 3 + 1))::uuid, md5('cart ' || (n % 60))::uuid, md5('variant ' || n)::uuid, 1 + n % 3 from generate_series(0, 119) as n;
insert into public.coupons (id, tenant_id, code, percent, valid_during)
select md5('coupon ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, 'SAVE' || n, 10, tstzrange('2026-01-01Z', '2027-01-01Z') from generate_series(0, 8) as n;
insert into public.orders (id, tenant_id, customer_id, coupon_id, status, placed_at)
select md5('order ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, md5('customer ' || (n % 300))::uuid,
  case when n % 10 = 0 then md5('coupon ' || (n % 9))::uuid end,
  (enum_range(null::public.order_status))[n % 6 + 1], '2026-01-01Z'::timestamptz + n * interval '6 hours'
from generate_series(0, 599) as n;
insert into public.order_items (tenant_id, order_id, product_variant_id, quantity, unit_price)
select md5('shop tenant ' || (n % 3 + 1))::uuid, md5('order ' || (n % 600))::uuid, md5('variant ' || (n % 600))::uuid, 1 + n % 4, 5 + n % 90
from generate_series(0, 1199) as n;
insert into public.order_events (tenant_id, order_id, occurred_at, event)
select md5('shop tenant ' || (n % 3 + 1))::uuid, md5('order ' || (n % 600))::uuid, '2025-07-01Z'::timestamptz + n * interval '8 hours', 'status'
from generate_series(0, 1199) as n;
insert into public.invoices (id, tenant_id, order_id, number, total, due_on, created_by, updated_by)
select md5('invoice ' || n)::uuid, md5('shop tenant ' || (n % 3 + 1))::uuid, md5('order ' || n)::uuid, 'R-' || n, 20 + n, date '2026-06-01' + n,
  md5('shop user ' || (n % 12 + 1))::uuid, md5('shop user ' || (n % 12 + 1))::uuid
from generate_series(0, 149) as n;
insert into public.payments (tenant_id, invoice_id, method, amount, created_by, updated_by)
select tenant_id, id, 'card', total, created_by, updated_by from public.invoices;
insert into public.shipments (tenant_id, order_id, warehouse_id, tracking_code, shipped_at)
select tenant_id, id, md5('warehouse ' || (n % 3))::uuid, 'T' || n, now()
from (select tenant_id, md5('order ' || n)::uuid as id, n from generate_series(0, 299) as n, lateral (select md5('shop tenant ' || (n % 3 + 1))::uuid as tenant_id) as t) as o;
insert into public.reviews (tenant_id, product_id, customer_id, rating)
select md5('shop tenant ' || (n % 3 + 1))::uuid, md5('product ' || n)::uuid, md5('customer ' || n)::uuid, 1 + n % 5 from generate_series(0, 299) as n;
refresh materialized view private.best_sellers;
