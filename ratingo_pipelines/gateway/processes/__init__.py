"""The processes beside the web application: what they run, how they are kept alive, how all of them end."""
