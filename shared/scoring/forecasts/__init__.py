"""What requests to a forecast are like, and its answers: rows name a series, and are answered day by day."""
