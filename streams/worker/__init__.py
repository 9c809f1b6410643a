"""The controller's process: consumes, decides, writes in transactions."""
