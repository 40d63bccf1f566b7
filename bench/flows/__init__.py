"""Flows: schedules, clusters, faults, a soak, overhead."""
