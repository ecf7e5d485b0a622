"""Dense networks: their parameters, optimisers, schedules and training."""
