"""x"""
from .server import FailedTask, LocalServer
__all__ = ["FailedTask", "LocalServer"]
