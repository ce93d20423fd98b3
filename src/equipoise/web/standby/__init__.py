"""What the emergency door keeps for the hour in which everything else is down."""
