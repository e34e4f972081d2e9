"""What S3 and Azure share: requests, retries, errors."""
