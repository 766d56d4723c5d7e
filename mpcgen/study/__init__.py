"""The study plan and its checks."""
