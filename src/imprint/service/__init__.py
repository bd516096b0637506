"""The accepted model, served to people and programs."""

from imprint.service.http import create_app, serve
from imprint.service.served import Conversation, Served

__all__ = ["Conversation", "Served", "create_app", "serve"]
