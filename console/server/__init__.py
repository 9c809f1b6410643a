"""What all routes share: services, problems, middleware."""
