"""Whether the service holds what it promises: many runs, many faults. Each module is a command."""
