-- Row level security, triggers and grants of shop-production, the same for every tenant table.

do $baseline$
declare
  tenant_table regclass;
begin
  for tenant_table in
    select a.attrelid
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    where a.attname = 'tenant_id' and c.relkind in ('r', 'p') and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
  loop
    execute format('alter table %s enable row level security', tenant_table);
    execute format(
      'create policy tenant_isolation on %s for all to authenticated '
      'using (tenant_id = ((select auth.jwt()) ->> ''tenant_id'')::uuid) '
      'with check (tenant_id = ((select auth.jwt()) ->> ''tenant_id'')::uuid)',
      tenant_table
    );
    if not (select relispartition from pg_catalog.pg_class where oid = tenant_table) then
      execute format('create trigger set_updated_at before update on %s for each row execute function private.set_updated_at()', tenant_table);
    end if;
  end loop;
end
$baseline$;

alter table public.tenants enable row level security;
create policy own_tenant on public.tenants for select to authenticated using (id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
create trigger set_updated_at before update on public.tenants for each row execute function private.set_updated_at();

alter table public.currencies enable row level security;
create policy readable_by_all on public.currencies for select to anon, authenticated using (true); -- clean: the table says public-read and why
create trigger set_updated_at before update on public.currencies for each row execute function private.set_updated_at();

create trigger record_change after insert or update or delete on public.invoices for each row execute function private.record_change();
create trigger record_change after insert or update or delete on public.payments for each row execute function private.record_change();

-- Grants are explicit here; nothing that row level security does not govern (TRUNCATE, REFERENCES, TRIGGER) is left to clients,
-- nor to the server side: emptying a table would leave no trace in the change log.
revoke all on all tables in schema public from anon, authenticated, service_role;
grant select on public.tenants, public.currencies, public.open_orders, public.product_ratings to authenticated;
grant select on public.currencies to anon;
grant select, insert, update, delete on
  public.categories, public.products, public.product_variants, public.product_images, public.warehouses, public.inventory_levels,
  public.customers, public.customer_addresses, public.carts, public.cart_items, public.coupons, public.orders, public.order_items,
  public.order_events, public.shipments, public.reviews
  to authenticated;
grant select, insert, update on public.invoices, public.payments to authenticated;
grant select on public.staff_members to authenticated;
grant select, insert, update, delete on all tables in schema public to service_role;
grant execute on function public.order_total(uuid), public.search_products(text), public.search_products(text, integer) to authenticated, service_role;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated;
alter default privileges in schema public revoke all on functions from anon, authenticated;

insert into storage.buckets (id, name, public) values ('product-images', 'product-images', true), ('invoices', 'invoices', false);
create policy tenant_files_read on storage.objects for select to authenticated
  using (bucket_id = 'invoices' and (storage.foldername(name))[1] = ((select auth.jwt()) ->> 'tenant_id'));
create policy tenant_files_write on storage.objects for insert to authenticated
  with check (bucket_id in ('product-images', 'invoices') and (storage.foldername(name))[1] = ((select auth.jwt()) ->> 'tenant_id'));

alter publication supabase_realtime add table public.orders;
