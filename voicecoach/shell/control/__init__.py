"""Controls a running session from outside: keys, the local web application, `tell`."""
