"""Dense networks: their parameters, optimizers, schedules and training."""
