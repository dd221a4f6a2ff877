"""The simulated FDG datasets: anatomy, kinetics, scanner and reconstruction; a plugin like any other."""
