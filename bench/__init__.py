"""Measures this server against peers, in one run, interleaved; figures are ratios, since machines differ and days do too."""
