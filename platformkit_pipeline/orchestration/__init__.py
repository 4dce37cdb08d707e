"""Everything that is Dagster: assets, checks, jobs, schedules, sensors and how they are put together.

Modules here wire use cases of `operations` to assets and turn their results into metadata. What a use case does does not
belong here, nor does SQL that decides anything. Nothing is re-exported, so importing one module imports only that one.
"""
