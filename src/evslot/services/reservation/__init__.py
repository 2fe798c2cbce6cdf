"""The reservation service."""
