"""Commands about files: record, report."""
