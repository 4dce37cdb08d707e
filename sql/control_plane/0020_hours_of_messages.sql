-- How many messages about one target went to one destination within an hour (clause 4.2: a flood comes as one message).

set role platformkit_owner;

create index outbox_hours on ops.outbox (destination, aggregatetype, aggregateid, (headers ->> 'hour')) where headers ? 'hour';

reset role;
