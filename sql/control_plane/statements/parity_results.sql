-- One row: what one check said in that run.
select dimension, contract, check_name, severity, outcome, message, evidence, object_count, duration_seconds, waived
  from ops.contract_results
 where parity_id = %(parity_id)s
