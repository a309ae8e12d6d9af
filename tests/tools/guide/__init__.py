"""The technician's page: its words are the product's own, and all of it lies on the paper."""
