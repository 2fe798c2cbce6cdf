"""SQL of the write side of the notification service, one function a statement."""
