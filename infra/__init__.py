"""Where the system runs: the embedded runner, the demo, the simulators of the outside world, and the example client."""
