-- Which commit a scan of a repository looked at, so that a gate can say what it decided on.

set role platformkit_owner;

alter table ops.scans
  add column head_commit text check (head_commit ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'),
  add column head_branch text;
comment on column ops.scans.head_commit is 'Commit that was observed of a repository; null for other targets, and for a repository without any.';
comment on column ops.scans.head_branch is 'Branch that HEAD pointed at; null for other targets, and for a detached HEAD.';

reset role;
