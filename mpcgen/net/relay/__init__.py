"""A hub to which every party dials out, and the channel by way of it."""
