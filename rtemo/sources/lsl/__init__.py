"""Live streams of the Lab Streaming Layer."""
