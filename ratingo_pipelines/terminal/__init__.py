"""What the command line shows people: progress, reports and tables. What it does is `cli`'s."""
