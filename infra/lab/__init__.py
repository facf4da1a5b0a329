"""Runs the unchanged compose file where no image can be pulled: on stand-ins built here. No user needs it."""
