"""What `docker compose up` runs beside the services: jobs that prepare, and commands for whoever sits before it."""
