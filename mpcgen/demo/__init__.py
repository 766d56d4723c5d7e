"""The demonstration study: simulated data of three institutions and PLINK's answers."""
