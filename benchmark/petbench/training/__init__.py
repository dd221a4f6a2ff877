"""The training engine behind `StepMethod`: data on the device, steps, budget, checkpoints, prediction."""
