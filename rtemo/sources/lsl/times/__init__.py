"""The times of live samples: what their stamps and arrivals show."""
