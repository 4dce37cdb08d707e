-- A waiver is spent up to the day on which it was really revoked, and granted one after the other (clause 10.2). A revocation that is dated back
-- would win days back, and two transactions that cannot see each other would grant the same days twice.

set role platformkit_owner;

create or replace function ops.waiver_limits() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
declare
  days bigint;
  granted_on date;
begin
  if tg_op = 'UPDATE' then
    if old.revoked_at is not null then
      raise exception 'waiver % is revoked: what is revoked stays so', old.waiver_id using errcode = 'restrict_violation';
    end if;
    if not isfinite(new.revoked_at) then
      raise exception 'waiver % is revoked at some moment', old.waiver_id using errcode = 'restrict_violation';
    end if;
    -- As many days as went by since the grant, whatever clock the grant came from; two clocks may differ by minutes around midnight.
    granted_on := ((old.created_at + interval '5 minutes') at time zone 'UTC')::date;
    if (new.revoked_at at time zone 'UTC')::date
       < least(old.starts_on, granted_on) + (((now() - interval '5 minutes') at time zone 'UTC')::date - granted_on) then
      raise exception 'the revocation of waiver % is dated back: its days are spent', old.waiver_id using errcode = 'restrict_violation';
    end if;
    return new;
  end if;
  if not (isfinite(new.starts_on) and isfinite(new.expires_on)) then
    raise exception 'a waiver begins and ends on a day' using errcode = 'restrict_violation';
  end if;
  if new.revoked_at is not null then
    raise exception 'a waiver is granted first, and revoked then' using errcode = 'restrict_violation';
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'waivers are granted in transactions that are read committed: others would not see what was granted meanwhile'
      using errcode = 'invalid_transaction_state';
  end if;
  new.created_at := now();
  perform pg_advisory_xact_lock(hashtextextended('platformkit.waivers', new.target_id));
  select t.environment into strict new.environment from ops.targets t where t.target_id = new.target_id;
  if new.environment = 'production' then
    raise exception 'no waiver in production (clause 10.2)' using
      errcode = 'check_violation', constraint = 'waivers_environment_check', table = 'waivers', schema = 'ops',
      hint = 'mend the finding, or document an exception (clause 10.1)';
  end if;
  select count(distinct d.day) into days
    from (select w.starts_on, least(w.expires_on, (w.revoked_at at time zone 'UTC')::date) as ends_on from ops.waivers w
           where w.target_id = new.target_id and w.rule = new.rule
             and w.fingerprint is not distinct from new.fingerprint and w.object_pattern is not distinct from new.object_pattern
          union all select new.starts_on, new.expires_on) spans
    cross join lateral generate_series(spans.starts_on, spans.ends_on, interval '1 day') as d (day);
  if days > 30 then
    raise exception 'this would be % days of waivers for one rule and object, 30 is the limit (clause 10.2)', days using
      errcode = 'check_violation', constraint = 'waivers_thirty_days_in_all', table = 'waivers', schema = 'ops',
      hint = 'mend the finding, or document an exception (clause 10.1)';
  end if;
  return new;
end
$function$;
comment on function ops.waiver_limits() is
  'Trigger: no waiver in production, no more than 30 days in all for one rule and object, and no revocation that is dated back (clause 10.2).';

create function ops.waiver_stays() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $function$
begin
  raise exception 'waiver % is granted as it is: revoke it, and grant another one', old.waiver_id using errcode = 'restrict_violation';
end
$function$;
comment on function ops.waiver_stays() is 'Trigger: of a waiver nothing but its revocation is written later, whoever writes (clause 10.2).';
revoke execute on function ops.waiver_stays() from public;

create trigger waivers_stay before update on ops.waivers for each row
  when ((old.waiver_id, old.target_id, old.environment, old.rule, old.fingerprint, old.object_pattern, old.reason, old.granted_by, old.starts_on,
         old.expires_on, old.extends, old.scan_id, old.run_id, old.created_at)
        is distinct from
        (new.waiver_id, new.target_id, new.environment, new.rule, new.fingerprint, new.object_pattern, new.reason, new.granted_by, new.starts_on,
         new.expires_on, new.extends, new.scan_id, new.run_id, new.created_at))
  execute function ops.waiver_stays();

-- What has no end could be read by nobody, and be ended by nobody.
alter table ops.gate_overrides add constraint gate_overrides_end_at_some_moment check (isfinite(ended_at));

reset role;
