"""Delivers alerts and commands to webhooks, chat and mail."""
