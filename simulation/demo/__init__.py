"""What `up --demo` shows: three brands that spend, an ad server that obeys, an operator who raises budgets."""

from simulation.demo.run import start_demo

__all__ = ["start_demo"]
