"""What institutions sign, and how anybody can check it later without them."""
