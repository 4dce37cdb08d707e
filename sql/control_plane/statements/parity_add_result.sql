-- One row in: what one check said.
insert into ops.contract_results (parity_id, dimension, contract, check_name, severity, outcome, waived, message, evidence, object_count,
                                  duration_seconds)
values (%(parity_id)s, %(dimension)s, %(contract)s, %(check)s, %(severity)s, %(outcome)s, %(waived)s, %(message)s, %(evidence)s, %(count)s,
        %(duration_seconds)s)
