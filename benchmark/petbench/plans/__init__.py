"""What is to be run: the plan of one run, sweeps of many, and how long they will take."""
