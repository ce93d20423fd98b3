"""What those who look after the trial look at again and again, and what they found."""
