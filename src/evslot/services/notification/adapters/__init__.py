"""The outside world of the notification service: letters in people's languages, and SMTP."""
