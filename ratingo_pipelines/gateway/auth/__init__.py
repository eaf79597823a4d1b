"""Who may pass: secrets, sessions, attempts, and the middleware that asks for them."""
