"""Receivers of events that are reached over HTTP."""

from drivers.events.webhook import WebhookSender

__all__ = ["WebhookSender"]
